//! Where a task may be thought about: how private its words are, what is permitted and who is there in, a place out.

use crate::egress::{Cloud, Privacy, is_let_out};

/// Where a task is thought about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// By a model in the house, or by none.
    Local,
    /// By a model outside.
    Cloud,
}

/// Which models there are for tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Minds {
    /// Whether one in the house answers.
    pub local: bool,
    /// Whether one outside answers and may still cost something.
    pub cloud: bool,
    /// What the user lets out of the house.
    pub permitted: Cloud,
}

/// Why there is no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unplaced {
    /// No model is there.
    NoMind,
    /// The only model is outside, and these words stay in the house.
    Private,
}

/// Public knowledge that has to be looked up is thought about outside where that is permitted; everything else at home,
/// and outside only if nobody is at home and the words may leave.
///
/// # Errors
/// [`Unplaced`].
pub fn place(privacy: Privacy, web: bool, minds: Minds) -> Result<Place, Unplaced> {
    let may_leave = minds.cloud && is_let_out(privacy, minds.permitted);
    match (minds.local, may_leave) {
        (_, true) if web && privacy == Privacy::Public => Ok(Place::Cloud),
        (true, _) => Ok(Place::Local),
        (false, true) => Ok(Place::Cloud),
        (false, false) if minds.cloud => Err(Unplaced::Private),
        (false, false) => Err(Unplaced::NoMind),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOTH: Minds = Minds { local: true, cloud: true, permitted: Cloud::Public };

    #[test]
    fn only_public_questions_about_the_web_go_out_by_themselves() {
        assert_eq!(place(Privacy::Public, true, BOTH), Ok(Place::Cloud));
        assert_eq!(place(Privacy::Public, false, BOTH), Ok(Place::Local));
        for privacy in [Privacy::Home, Privacy::Personal, Privacy::Others] {
            assert_eq!(place(privacy, true, BOTH), Ok(Place::Local), "{privacy:?}");
        }
    }

    #[test]
    fn what_may_not_leave_is_refused_rather_than_sent_when_nobody_is_at_home() {
        let outside = Minds { local: false, ..BOTH };
        assert_eq!(place(Privacy::Public, false, outside), Ok(Place::Cloud));
        assert_eq!(place(Privacy::Personal, true, outside), Err(Unplaced::Private));
        assert_eq!(
            place(Privacy::Others, true, Minds { permitted: Cloud::Personal, ..outside }),
            Err(Unplaced::Private)
        );
        let off = Minds { permitted: Cloud::Off, ..outside };
        assert_eq!(place(Privacy::Public, true, off), Err(Unplaced::Private));
        assert_eq!(place(Privacy::Public, true, Minds { cloud: false, ..outside }), Err(Unplaced::NoMind));
    }
}
