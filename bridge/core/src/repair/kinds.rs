//! The words of the canonical reading: what is asked, what it is asked of, which side of it is meant.

use serde::Deserialize;

use super::ask::Wanted;
use crate::EntityId;
use crate::home::{Entity, Registry};

/// What a single word or phrase says, before it is known of what it is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Sense {
    On,
    Off,
    Open,
    Close,
    Up,
    Down,
    Brighter,
    Darker,
    Warmer,
    Cooler,
    Louder,
    Quieter,
    Faster,
    Slower,
    Start,
    Stop,
    Pause,
    Resume,
    Next,
    Previous,
    Mute,
    Unmute,
    Clean,
    Dock,
    Mow,
    Lock,
    Unlock,
    Press,
    Activate,
}

/// What is asked of an entity: one plain sentence of the matcher, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ask {
    /// Switch on.
    On,
    /// Switch off.
    Off,
    /// Open a cover or valve.
    Open,
    /// Close a cover or valve.
    Close,
    /// Set a cover to a position, percent open.
    Position,
    /// Set the brightness of a light, percent.
    Brightness,
    /// Set the colour of a light.
    Color,
    /// Set the colour temperature of a light.
    Temperament,
    /// Set the target temperature of a climate device, degrees.
    Temperature,
    /// Set the volume of a player, percent.
    Volume,
    /// One step louder.
    Louder,
    /// One step quieter.
    Quieter,
    /// Mute a player.
    Mute,
    /// Unmute a player.
    Unmute,
    /// Pause a player.
    Pause,
    /// Let a player go on.
    Resume,
    /// The next track.
    Next,
    /// The track before.
    Previous,
    /// Set the speed of a fan, percent.
    Speed,
    /// Start a vacuum or mower, run a scene or script.
    Start,
    /// Send a vacuum or mower home.
    Dock,
    /// Vacuum an area.
    Clean,
    /// Lock.
    Lock,
    /// Unlock.
    Unlock,
    /// Press a button.
    Press,
}

/// What is set by an [`Ask`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Setting {
    /// A number, in this slot of the matcher.
    Number(Scale),
    /// A colour by its name.
    Color,
    /// A colour temperature.
    Temperament,
    /// The volume, by steps.
    VolumeStep,
    /// Nothing: it is done or it is not.
    None,
}

/// What a number counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scale {
    /// Percent of a light.
    Brightness,
    /// Percent open.
    Position,
    /// Degrees.
    Temperature,
    /// Percent of a player.
    Volume,
    /// Percent of a fan.
    Speed,
}

impl Scale {
    /// The matcher's slot.
    pub(super) fn slot(self) -> &'static str {
        match self {
            Self::Brightness => "brightness",
            Self::Position => "position",
            Self::Temperature => "temperature",
            Self::Volume => "volume_level",
            Self::Speed => "percentage",
        }
    }
}

impl Ask {
    /// What it sets.
    pub(super) fn setting(self) -> Setting {
        match self {
            Self::Brightness => Setting::Number(Scale::Brightness),
            Self::Position => Setting::Number(Scale::Position),
            Self::Temperature => Setting::Number(Scale::Temperature),
            Self::Volume => Setting::Number(Scale::Volume),
            Self::Speed => Setting::Number(Scale::Speed),
            Self::Color => Setting::Color,
            Self::Temperament => Setting::Temperament,
            Self::Louder | Self::Quieter => Setting::VolumeStep,
            Self::On
            | Self::Off
            | Self::Open
            | Self::Close
            | Self::Mute
            | Self::Unmute
            | Self::Pause
            | Self::Resume
            | Self::Next
            | Self::Previous
            | Self::Start
            | Self::Dock
            | Self::Clean
            | Self::Lock
            | Self::Unlock
            | Self::Press => Setting::None,
        }
    }
}

/// A kind of thing that people name instead of an entity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Any light.
    Light,
    /// Any switch or socket.
    Switch,
    /// Any fan.
    Fan,
    /// Any cover in front of a window: blind, curtain, shutter, shade, awning.
    Cover,
    /// A blind.
    Blind,
    /// A curtain.
    Curtain,
    /// A shutter.
    Shutter,
    /// A shade.
    Shade,
    /// An awning.
    Awning,
    /// A window that can be opened.
    Window,
    /// A door: a cover or a lock.
    Door,
    /// A garage door.
    Garage,
    /// A gate.
    Gate,
    /// A valve.
    Valve,
    /// A lock.
    Lock,
    /// Heating or air conditioning.
    Climate,
    /// Anything that plays.
    Media,
    /// What it plays.
    Music,
    /// A television.
    Tv,
    /// A vacuum robot.
    Vacuum,
    /// A lawn mower.
    Mower,
    /// A vacuum robot or lawn mower.
    Robot,
    /// A humidifier.
    Humidifier,
    /// A scene.
    Scene,
    /// A script.
    Script,
}

impl Kind {
    /// The kind that all of these entities are of, by their domain.
    pub(super) fn of(targets: &[(EntityId, Wanted)], registry: &Registry) -> Option<Self> {
        const KINDS: [Kind; 6] =
            [Kind::Light, Kind::Switch, Kind::Fan, Kind::Cover, Kind::Climate, Kind::Media];
        let is = |kind: &Kind| {
            targets.iter().all(|(id, _)| registry.entities.get(id).is_some_and(|entity| kind.holds(entity)))
        };
        KINDS.into_iter().find(is)
    }

    /// Whether an entity is of this kind.
    pub(crate) fn holds(self, entity: &Entity) -> bool {
        let class = entity.device_class.as_deref();
        let cover = |wanted: &[&str]| {
            entity.id.domain() == "cover" && class.is_some_and(|class| wanted.contains(&class))
        };
        match self {
            Self::Light => entity.id.domain() == "light",
            Self::Switch => matches!(entity.id.domain(), "switch" | "input_boolean"),
            Self::Fan => entity.id.domain() == "fan",
            Self::Cover => {
                entity.id.domain() == "cover"
                    && !class.is_some_and(|class| ["garage", "gate", "door", "window"].contains(&class))
            }
            Self::Blind => cover(&["blind"]),
            Self::Curtain => cover(&["curtain"]),
            Self::Shutter => cover(&["shutter"]),
            Self::Shade => cover(&["shade"]),
            Self::Awning => cover(&["awning"]),
            Self::Window => cover(&["window"]),
            Self::Door => cover(&["door"]) || entity.id.domain() == "lock",
            Self::Garage => cover(&["garage"]),
            Self::Gate => cover(&["gate"]),
            Self::Valve => entity.id.domain() == "valve",
            Self::Lock => entity.id.domain() == "lock",
            Self::Climate => entity.id.domain() == "climate",
            Self::Media | Self::Music => entity.id.domain() == "media_player",
            Self::Tv => entity.id.domain() == "media_player" && class == Some("tv"),
            Self::Vacuum => entity.id.domain() == "vacuum",
            Self::Mower => entity.id.domain() == "lawn_mower",
            Self::Robot => matches!(entity.id.domain(), "vacuum" | "lawn_mower"),
            Self::Humidifier => entity.id.domain() == "humidifier",
            Self::Scene => entity.id.domain() == "scene",
            Self::Script => entity.id.domain() == "script",
        }
    }
}

/// A side of a thing that can be set, named by a noun ("the brightness of …").
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Aspect {
    Brightness,
    Color,
    Temperament,
    Position,
    Temperature,
    Volume,
    Speed,
}
