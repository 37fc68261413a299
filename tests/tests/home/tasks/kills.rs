//! Real kills: the bridge, the runner or the agent ends without a word at any moment of a task. Each accepted task ends
//! once, and its answer is spoken once at most. `HELIX_TEST_KILLS` sets how many; the moments go through a whole task.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use helix_tests::bridge::{Bridge, is_alive, send};
use helix_tests::time::poll_until;
use rustix::process::Signal;

use super::scene::{SOON, SPOKEN, Scene, last_task};

/// Kills in `./test`.
const KILLS: u64 = 20;
/// The model takes so long for each of its two answers, ms.
const ANSWER_MS: u64 = 150;
/// A task takes about so long from the request to the end of its announcement, ms.
const LIFE_MS: u64 = 1600;
/// A runner whose bridge lives finds out that an agent is gone, or is itself replaced, and the lease runs out.
const AGAIN: Duration = Duration::from_secs(90);

/// Who is killed.
#[derive(Debug, Clone, Copy)]
enum Victim {
    Bridge,
    Runner,
    Agent,
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_killed_whenever_a_task_ends_once_and_is_spoken_at_most_once() -> Result<()> {
    let kills = std::env::var("HELIX_TEST_KILLS").ok().map_or(Ok(KILLS), |kills| kills.parse())?;
    // With PostgreSQL where one is given.
    let database = std::env::var("HELIX_TEST_POSTGRES").ok();
    let more: Vec<_> = database.iter().map(|url| ("TASKS_DATABASE", url.as_str())).collect();
    let (scene, mut bridge) = Scene::new("tasks-kills", &more).await?;
    scene.model_takes(Duration::from_millis(ANSWER_MS));
    for nth in 0..kills {
        let victim = [Victim::Bridge, Victim::Agent, Victim::Runner][usize::try_from(nth % 3)?];
        // Each victim meets every part of a life; the golden ratio spreads the moments evenly, however many there are.
        let moment = Duration::from_millis((nth / 3) * 618 % LIFE_MS);
        bridge = one_life(&scene, bridge, nth, victim, moment)
            .await
            .with_context(|| format!("kill {nth}: {victim:?} after {} ms", moment.as_millis()))?;
    }
    bridge.stop().await
}

async fn one_life(
    scene: &Scene,
    bridge: Bridge,
    nth: u64,
    victim: Victim,
    moment: Duration,
) -> Result<Bridge> {
    let mark = scene.home.mark().await?;
    // Something of its own each time: the same words would be the same task.
    let reply = scene.says(&format!("Research the best heat pump of house {nth}")).await?;
    ensure!(reply.contains("come back to you"), "{reply}");
    tokio::time::sleep(moment).await;
    let bridge = kill(scene, bridge, victim).await?;
    let task = poll_until("the task has ended and was told", AGAIN, || async {
        // The satellite plays what comes; a message comes without it.
        let _ = scene.kitchen.is_told(Duration::from_millis(300)).await;
        let task = last_task(&bridge).await.ok()?;
        let told = task["told"].as_str().is_some_and(|told| told == "spoken" || told == "text");
        (task["ended_at"].is_string() && told).then_some(task)
    })
    .await
    .with_context(|| bridge.log())?;
    ensure!(task["state"] == "done", "{task}");
    let announced = scene.announced(mark).await?;
    let spoken = announced.iter().filter(|words| words.contains(SPOKEN)).count();
    ensure!(announced.len() == spoken && spoken <= 1, "{announced:?}");
    ensure!(spoken == 1 || task["told"] == "text", "nobody was told: {task}");
    Ok(bridge)
}

async fn kill(scene: &Scene, bridge: Bridge, victim: Victim) -> Result<Bridge> {
    match victim {
        Victim::Bridge => {
            let folder = bridge.cut_off().await?;
            let bridge = Bridge::start_in(folder, scene.settings.clone()).await?;
            Ok(bridge)
        }
        Victim::Runner => {
            end(bridge.children_called("helix-runner")).await?;
            Ok(bridge)
        }
        Victim::Agent => {
            let runners = bridge.children_called("helix-runner");
            end(runners.into_iter().flat_map(helix_tests::bridge::children_of).collect()).await?;
            Ok(bridge)
        }
    }
}

/// Kills those that are there.
async fn end(pids: Vec<u32>) -> Result<()> {
    for pid in pids {
        // It may have ended by itself.
        let _ = send(pid, Signal::KILL);
        poll_until("it is gone", SOON, || async move { (!is_alive(pid)).then_some(()) }).await?;
    }
    Ok(())
}
