//! Real kills: the bridge, the runner or the agent ends without a word at any moment of a task. Each accepted task ends
//! once, and its answer is spoken once at most. `HELIX_TEST_KILLS` sets how many on each database; the moments go through
//! a whole task.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use helix_tests::bridge::{Bridge, is_alive, send};
use helix_tests::postgres::Postgres;
use helix_tests::time::poll_until;
use rustix::process::Signal;
use tokio::task::JoinSet;

use super::scene::{SOON, SPOKEN, Scene, last_task};

/// Kills in `./test`; more are shared out among homes.
const KILLS: u64 = 20;
/// Homes at the same time.
const LANES: u64 = 8;
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
async fn on_sqlite_whoever_is_killed_whenever_a_task_ends_once_and_is_spoken_at_most_once() -> Result<()> {
    in_lanes("kills-sqlite", false).await
}

#[tokio::test(flavor = "multi_thread")]
async fn on_postgres_whoever_is_killed_whenever_a_task_ends_once_and_is_spoken_at_most_once() -> Result<()> {
    in_lanes("kills-postgres", true).await
}

/// All kills, each in one of some homes beside each other: they wait more than they compute.
async fn in_lanes(name: &str, on_postgres: bool) -> Result<()> {
    let kills = std::env::var("HELIX_TEST_KILLS").ok().map_or(Ok(KILLS), |kills| kills.parse())?;
    let lanes = kills.div_ceil(KILLS).clamp(1, LANES);
    let mut running = JoinSet::new();
    for lane in 0..lanes {
        let nths = (lane..kills).step_by(usize::try_from(lanes)?);
        running.spawn(in_lane(format!("{name}-{lane}"), on_postgres, nths));
    }
    while let Some(done) = running.join_next().await {
        done??;
    }
    Ok(())
}

async fn in_lane(name: String, on_postgres: bool, nths: impl Iterator<Item = u64>) -> Result<()> {
    let server = name.clone();
    let start = move || on_postgres.then(|| Postgres::start(&server)).transpose();
    let postgres = tokio::task::spawn_blocking(start).await??;
    let more: Vec<_> = postgres.iter().map(|server| ("TASKS_DATABASE", server.url.as_str())).collect();
    let (scene, mut bridge) = Scene::new(&name, &more).await?;
    scene.model_takes(Duration::from_millis(ANSWER_MS));
    for nth in nths {
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
