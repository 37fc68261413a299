//! Coming back with an answer: spoken at most once, never lost, never over somebody's words.

use std::sync::{Arc, Mutex};

use helix::clock::SystemClock;
use helix::deliver::{Deliveries, Teller};
use helix::tasks::{NewsState, TaskBook};
use helix_contract::TaskSpecV1;
use helix_core::delegate::Ear;
use helix_core::home::HomeError;
use helix_core::{Calendar, EntityId, Language};
use jiff::Timestamp;
use jiff::civil::Time;
use tokio::sync::{Notify, watch};

use super::File;
use super::bench::{Bench, accepted, at, done, leased, soon};

/// A clock on the wall that a test sets.
#[derive(Debug)]
struct Wall(Mutex<Timestamp>);

impl Calendar for Wall {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}

/// A home with one satellite in the kitchen, and what people were told in it.
#[derive(Debug, Default)]
struct Kitchen {
    state: Mutex<Option<Ear>>,
    spoken: Mutex<Vec<String>>,
    written: Mutex<Vec<String>>,
    refuses: bool,
    /// An announcement begins, and ends only when the test says so.
    slow: Option<(Notify, Notify)>,
}

impl Teller for Kitchen {
    fn ears(&self) -> Result<Vec<Ear>, HomeError> {
        let ear = self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
        ear.map(|ear| vec![ear]).ok_or(HomeError::NotConnected { url: "http://home".into() })
    }

    fn local_time(&self) -> Option<Time> {
        Some(Time::constant(23, 30, 0, 0))
    }

    fn language(&self) -> Language {
        Language::english()
    }

    async fn speak(&self, _: &EntityId, words: &str) -> Result<(), HomeError> {
        if let Some((begun, end)) = &self.slow {
            begun.notify_one();
            end.notified().await;
        }
        if self.refuses {
            return Err(HomeError::Rejected { code: "no-voice".into(), message: "no voice".into() });
        }
        self.spoken.lock().unwrap().push(words.to_owned());
        Ok(())
    }

    async fn write(&self, _: &str, title: &str, text: &str) -> Result<(), HomeError> {
        self.written.lock().unwrap().push(format!("{title}: {text}"));
        Ok(())
    }
}

impl Kitchen {
    fn with(busy: bool) -> Self {
        let kitchen = Self::default();
        kitchen.is(busy);
        kitchen
    }

    fn is(&self, busy: bool) {
        let satellite = EntityId::from("assist_satellite.kitchen");
        *self.state.lock().unwrap() = Some(Ear { satellite, busy, occupied: Some(true) });
    }

    fn told(&self) -> (usize, usize) {
        (self.spoken.lock().unwrap().len(), self.written.lock().unwrap().len())
    }
}

struct Bed {
    kitchen: Arc<Kitchen>,
    wall: Arc<Wall>,
    book: TaskBook,
    deliveries: Deliveries<Kitchen, SystemClock>,
    _ends: watch::Sender<u64>,
}

/// A task that has ended with an answer, and who tells it.
async fn ended(file: &File, kitchen: Kitchen, quiet: Option<&str>) -> (Bed, TaskSpecV1) {
    let book = file.open().await;
    let spec = accepted(&book, "quiet pump").await;
    let lease = leased(&book, 1).await.unwrap();
    book.finish(&done(&spec.id, lease.attempt), at(2)).await.unwrap();
    (bed(book, kitchen, quiet), spec)
}

fn bed(book: TaskBook, kitchen: Kitchen, quiet: Option<&str>) -> Bed {
    let (kitchen, wall) = (Arc::new(kitchen), Arc::new(Wall(Mutex::new(at(3)))));
    let (sender, ends) = watch::channel(0);
    let deliveries = Deliveries {
        book: book.clone(),
        teller: Arc::clone(&kitchen),
        clock: SystemClock::start(),
        calendar: Arc::<Wall>::clone(&wall),
        quiet: quiet.map(|text| text.parse().unwrap()),
        ends,
    };
    Bed { kitchen, wall, book, deliveries, _ends: sender }
}

#[tokio::test]
async fn an_answer_is_spoken_once_and_the_whole_of_it_sent() {
    let file = File::new("deliver-once").await;
    let (bed, spec) = ended(&file, Kitchen::with(false), None).await;
    bed.deliveries.round().await.unwrap();
    bed.deliveries.round().await.unwrap();
    assert_eq!(bed.kitchen.told(), (1, 1));
    let spoken = bed.kitchen.spoken.lock().unwrap().join("");
    assert!(spoken.contains("The quiet one.") && spoken.contains("message"), "{spoken}");
    assert_eq!(bed.book.news(&spec.id).await.unwrap(), Some(NewsState::Spoken));
}

#[tokio::test]
async fn nobody_is_interrupted() {
    let file = File::new("deliver-busy").await;
    let (bed, spec) = ended(&file, Kitchen::with(true), None).await;
    bed.deliveries.round().await.unwrap();
    assert_eq!(
        (bed.kitchen.told(), bed.book.news(&spec.id).await.unwrap()),
        ((0, 0), Some(NewsState::Pending))
    );
    bed.kitchen.is(false);
    *bed.wall.0.lock().unwrap() = at(10);
    bed.deliveries.round().await.unwrap();
    assert_eq!(bed.kitchen.spoken.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn in_quiet_hours_it_comes_as_a_message() {
    let file = File::new("deliver-quiet").await;
    let (bed, spec) = ended(&file, Kitchen::with(false), Some("22:00-07:00")).await;
    bed.deliveries.round().await.unwrap();
    assert_eq!(bed.kitchen.told(), (0, 1));
    assert_eq!(bed.book.news(&spec.id).await.unwrap(), Some(NewsState::Text));
}

#[tokio::test]
async fn what_cannot_be_spoken_comes_as_a_message_and_never_aloud_again() {
    let file = File::new("deliver-refused").await;
    let kitchen = Kitchen { refuses: true, ..Kitchen::with(false) };
    let (bed, spec) = ended(&file, kitchen, None).await;
    for _ in 0..2 {
        bed.deliveries.round().await.unwrap();
    }
    assert_eq!(bed.kitchen.told().0, 0);
    assert_eq!(bed.book.news(&spec.id).await.unwrap(), Some(NewsState::Text));
}

#[tokio::test]
async fn a_home_that_is_away_costs_a_delay() {
    let file = File::new("deliver-away").await;
    let (bed, spec) = ended(&file, Kitchen::default(), None).await;
    bed.deliveries.round().await.unwrap();
    assert_eq!(bed.book.news(&spec.id).await.unwrap(), Some(NewsState::Pending));
    bed.kitchen.is(false);
    bed.deliveries.round().await.unwrap();
    assert_eq!(bed.kitchen.spoken.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_crash_while_it_speaks_leads_to_a_message_and_to_no_second_voice() {
    let file = File::new("deliver-crash").await;
    let kitchen = Kitchen { slow: Some((Notify::new(), Notify::new())), ..Kitchen::with(false) };
    let (bed, spec) = ended(&file, kitchen, None).await;
    let (begun, _) = bed.kitchen.slow.as_ref().unwrap();
    tokio::select! {
        _ = bed.deliveries.round() => unreachable!("it is still speaking"),
        () = soon(begun.notified()) => {}
    }
    drop(bed);

    let bed = self::bed(file.open().await, Kitchen::with(false), None);
    bed.book.interrupt_speaking(at(3)).await.unwrap();
    bed.deliveries.round().await.unwrap();
    assert_eq!(bed.kitchen.told(), (0, 1));
    assert_eq!(bed.book.news(&spec.id).await.unwrap(), Some(NewsState::Text));
}
