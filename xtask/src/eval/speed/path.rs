//! The whole path on the large home: a transcript goes to the bridge, and Home Assistant calls the action.

use anyhow::Result;
use helix_tests::bridge::{Bridge, Profile, Settings};
use helix_tests::home::Home;
use helix_tests::time::now;
use helix_tests::wire;

use crate::figure::{Series, ms};

/// Until everything was read and compiled once.
const WARM_UP: usize = 5;

/// From the transcript to the action.
pub(super) struct Path {
    pub(super) plain: Series,
    pub(super) natural: Series,
    /// Natural sentences that were asked about or declined.
    pub(super) not_done: usize,
}

impl Path {
    /// Says each sentence once. What they ask for is so already: an entity without anything behind it never follows.
    pub(super) async fn of(
        home: &Home,
        profile: Profile,
        plain: Vec<String>,
        natural: Vec<String>,
    ) -> Result<Self> {
        let settings = Settings::for_home(&home.url(), home.assistant().token());
        let settings = if profile == Profile::Release { settings.release() } else { settings };
        let bridge = Bridge::start_with(settings).await?;
        let (plain, _) = times(home, &bridge, plain).await?;
        let (natural, not_done) = times(home, &bridge, natural).await?;
        bridge.stop().await?;
        Ok(Self { plain, natural, not_done })
    }
}

async fn times(home: &Home, bridge: &Bridge, sentences: Vec<String>) -> Result<(Series, usize)> {
    let (mut times, mut not_done) = (Vec::new(), 0);
    for (n, sentence) in sentences.iter().enumerate() {
        match action_after(home, bridge, sentence).await? {
            Some(_) if n < WARM_UP => {}
            Some(took) => times.push(took),
            None => not_done += 1,
        }
    }
    Ok((Series::new(times), not_done))
}

/// From the connection that brings a transcript to the event of the action, milliseconds; `None` if nothing was done.
pub(in crate::eval) async fn action_after(
    home: &Home,
    bridge: &Bridge,
    sentence: &str,
) -> Result<Option<f64>> {
    let mark = home.mark().await?;
    let begin = now();
    wire::handle(bridge.port, sentence, "en", None).await?;
    Ok(home.moves_since(mark).await?.first().map(|call| ms(call.at.saturating_sub(begin))))
}
