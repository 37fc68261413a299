//! A task's whole life, cut off between any two steps or wherever the process waits for something, and gone on with from
//! the book.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::task::Poll;

use helix::tasks::{Filter, Finished, How, Lease, Returned, TaskBook, TaskError, Which};
use helix_contract::{Failure, TaskId, TaskSpecV1};

use crate::bench::{Bench, at, done, event, origin, spec};

/// What is left when the process is gone.
#[derive(Default)]
struct World {
    second: Cell<i64>,
    counted: Cell<u32>,
    spoken: RefCell<Vec<String>>,
    texts: RefCell<Vec<String>>,
    /// Steps until the power goes out.
    left: Cell<usize>,
}

impl World {
    fn tick(&self) -> i64 {
        self.second.set(self.second.get() + 1);
        self.second.get()
    }

    /// One step of a life: something that is asked of the book, or done to the world.
    async fn step<T>(&self, step: impl Future<Output = T>) -> T {
        let done = step.await;
        let left = self.left.get().saturating_sub(1);
        self.left.set(left);
        if left == 0 {
            std::future::pending::<()>().await;
        }
        done
    }

    fn speak(&self, task: &TaskId) {
        self.spoken.borrow_mut().push(task.to_string());
    }

    fn send_text(&self, task: &TaskId) {
        self.texts.borrow_mut().push(task.to_string());
    }
}

/// A bridge and its worker from their start until nothing is left to do.
async fn live(book: &TaskBook, world: &World, spec: &TaskSpecV1) -> Result<(), TaskError> {
    world.step(book.interrupt_speaking(at(world.tick()))).await?;
    world.step(book.accept(spec, &origin(), at(world.tick()))).await?;
    loop {
        let now = world.tick();
        world.step(book.sweep(at(now))).await?;
        let lease = world.step(book.lease("worker", &Filter::default(), at(now), at(now + 5))).await?;
        if let Some(lease) = lease {
            work(book, world, &lease, now).await?;
        }
        deliver(book, world, now).await?;
        let counts = book.counts().await?;
        if counts.queued + counts.leased + counts.untold == 0 {
            return Ok(());
        }
        assert!(now < 500, "it never ends: {counts:?}");
    }
}

/// The first attempt fails in a way that may pass.
async fn work(book: &TaskBook, world: &World, lease: &Lease, now: i64) -> Result<(), TaskError> {
    let (task, attempt) = (&lease.spec.id, lease.attempt);
    world.step(book.record(&event(task, attempt, 0))).await?;
    world.step(book.renew(task, attempt, at(now), at(now + 5))).await?;
    if attempt.0 == 1 {
        let why = Returned::Failed(Failure::Unavailable);
        world.step(book.give_back(task, attempt, why, at(now))).await?;
        return Ok(());
    }
    for _ in 0..2 {
        if world.step(book.finish(&done(task, attempt), at(now))).await? == Finished::Counted {
            world.counted.set(world.counted.get() + 1);
        }
    }
    Ok(())
}

async fn deliver(book: &TaskBook, world: &World, now: i64) -> Result<(), TaskError> {
    for due in book.deliveries_due(at(now), 10).await? {
        let task = &due.task.spec.id;
        if due.how == How::Any {
            if world.step(book.begin_speaking(task, at(now), at(now + 5))).await? {
                world.step(async { world.speak(task) }).await;
                world.step(book.spoken(task, at(now))).await?;
            }
        } else {
            world.step(async { world.send_text(task) }).await;
            world.step(book.as_text(task, at(now))).await?;
        }
    }
    Ok(())
}

/// Where a life is cut off.
#[derive(Clone, Copy)]
enum Cut {
    /// After so many steps.
    Steps(usize),
    /// Where it would go on for so many times after waiting: also in the middle of a step.
    Waits(usize),
    Never,
}

/// Whether a life came to its end.
async fn ends(book: &TaskBook, world: &World, spec: &TaskSpecV1, cut: Cut) -> bool {
    let (steps, mut waits) = match cut {
        Cut::Steps(steps) => (steps, usize::MAX),
        Cut::Waits(waits) => (usize::MAX, waits),
        Cut::Never => (usize::MAX, usize::MAX),
    };
    world.left.set(steps);
    let mut life = Box::pin(live(book, world, spec));
    let end = poll_fn(move |context| {
        waits -= 1;
        match life.as_mut().poll(context) {
            Poll::Ready(end) => Poll::Ready(Some(end)),
            Poll::Pending if waits == 0 || world.left.get() == 0 => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    });
    end.await.map(|end| end.unwrap()).is_some()
}

/// Cuts lives off after one step, two steps, … until one comes to its end.
pub(crate) async fn after_every_step(bench: &impl Bench) {
    let mut texts = 0;
    for steps in 1.. {
        let world = World::default();
        let cut_off = goes_on(bench, &world, &format!("step {steps}"), Cut::Steps(steps)).await;
        texts += world.texts.borrow().len();
        if !cut_off {
            assert!(steps > 15, "a life has only {steps} steps");
            assert!(texts > 0, "nothing was cut off while it was spoken");
            return;
        }
    }
}

/// Cuts lives off wherever they wait, also in the middle of a transaction: at every `stride`th place.
pub(crate) async fn at_every_wait(bench: &impl Bench, stride: usize) {
    for waits in (1..).step_by(stride) {
        if !goes_on(bench, &World::default(), &format!("wait {waits}"), Cut::Waits(waits)).await {
            assert!(waits > 20, "a life waits only {waits} times");
            return;
        }
    }
}

/// A life that is cut off, goes on in a new process, and in a third one if the second is cut off as well. Whether
/// the first one was.
async fn goes_on(bench: &impl Bench, world: &World, name: &str, cut: Cut) -> bool {
    let mut spec = spec(name);
    // A crash may cost an attempt, never the task.
    spec.limits.attempts = 5;
    let again = match cut {
        Cut::Steps(steps) => Cut::Steps(steps / 2 + 2),
        Cut::Waits(waits) => Cut::Waits(waits / 2 + 2),
        Cut::Never => Cut::Never,
    };
    let first = ends(&bench.open().await, world, &spec, cut).await;
    if !first && !ends(&bench.open().await, world, &spec, again).await {
        assert!(ends(&bench.open().await, world, &spec, Cut::Never).await);
    }
    check(&bench.open().await, world, &spec).await;
    !first
}

async fn check(book: &TaskBook, world: &World, spec: &TaskSpecV1) {
    let name = &spec.instruction;
    let ended = book.list(Which::Ended, 1000).await.unwrap();
    let task = book.get(&spec.id).await.unwrap().unwrap();
    assert_eq!(ended.iter().filter(|ended| ended.spec.id == spec.id).count(), 1, "{name}");
    let answered = book.result(&spec.id).await.unwrap().is_some();
    assert_eq!(answered, task.code.is_none(), "{name}: {:?}", task.code);
    assert!(world.counted.get() <= 1, "{name}: counted {} times", world.counted.get());
    let (spoken, texts) = (world.spoken.borrow(), world.texts.borrow());
    assert!(spoken.len() <= 1, "{name}: spoken {} times", spoken.len());
    assert!(!spoken.is_empty() || !texts.is_empty(), "{name}: nobody was told");
}
