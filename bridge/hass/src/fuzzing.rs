//! Entry points for fuzz targets: any bytes, no panic.

use std::time::Duration;

use crate::config::GetConfig;
use crate::states::{States, SubscribeEntities};
use crate::{Event, Session};

/// Feeds a session with `bytes` (one frame per line), before and after authentication, and reads every
/// answer and event with the types of this crate.
pub fn session(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    for authenticated in [false, true] {
        let mut now = Duration::ZERO;
        let mut session = Session::new("token".into(), now);
        if authenticated {
            let welcome = session.handle_text(r#"{"type":"auth_ok"}"#, now);
            let subscribed = session.subscribe(SubscribeEntities {}.into(), Duration::from_secs(1), now);
            let asked = session.request(GetConfig {}.into(), Duration::from_secs(2), now);
            debug_assert!(welcome.is_ok() && subscribed.is_ok() && asked.is_ok());
        }
        let mut states = States::default();
        for line in text.lines() {
            now += Duration::from_millis(700);
            if session.handle_text(line, now).is_err() || session.handle_timeout(now).is_err() {
                break;
            }
            drain(&mut session, &mut states);
        }
    }
}

fn drain(session: &mut Session, states: &mut States) {
    while let Some(event) = session.poll_event() {
        match event {
            Event::Answered { outcome: Ok(answer), .. } => crate::fuzzing::answer(answer.get()),
            Event::Notified { event, .. } => _ = states.apply(event.get()),
            Event::Answered { .. } | Event::Authenticated { .. } | Event::Refused { .. } => {}
        }
    }
    while session.poll_transmit().is_some() {}
}

/// Reads `json` as every answer that this crate knows.
pub fn answer(json: &str) {
    fn read<C: crate::Command>(json: &str) {
        drop(serde_json::from_str::<C::Answer>(json));
    }
    read::<GetConfig>(json);
    read::<crate::config::CurrentUser>(json);
    read::<crate::conversation::Debug>(json);
    read::<crate::conversation::Process>(json);
    read::<crate::registry::ListEntities>(json);
    read::<crate::registry::GetEntities>(json);
    read::<crate::registry::ListDevices>(json);
    read::<crate::registry::ListAreas>(json);
    read::<crate::registry::ListFloors>(json);
    read::<crate::exposure::ListExposed>(json);
    read::<crate::pipeline::ListPipelines>(json);
    read::<crate::entries::ListEntries>(json);
    read::<crate::entries::WyomingInfo>(json);
}
