//! Spoken commands that the furnished home supports and that the model of the tests understands in both voices.

/// A command and what it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Command {
    /// What is said; a line of the model's `sentences.tsv`.
    pub sentence: &'static str,
    /// An entity that it changes.
    pub entity: &'static str,
    /// The action that makes the entity ready for it.
    pub before: &'static str,
    /// The entity's state after it.
    pub after: &'static str,
}

const fn command(
    sentence: &'static str,
    entity: &'static str,
    before: &'static str,
    after: &'static str,
) -> Command {
    Command { sentence, entity, before, after }
}

/// All of them.
pub const COMMANDS: [Command; 27] = [
    command("Turn on the kitchen light.", "light.kitchen_light", "light.turn_off", "on"),
    command("Turn off the kitchen light.", "light.kitchen_light", "light.turn_on", "off"),
    command("Could you turn on the kitchen light?", "light.kitchen_light", "light.turn_off", "on"),
    command("Turn on the kitchen lights.", "light.kitchen_light", "light.turn_off", "on"),
    command("Turn on the bedroom light.", "light.bedroom_light", "light.turn_off", "on"),
    command("Turn off the bedroom light.", "light.bedroom_light", "light.turn_on", "off"),
    command("Set the bedroom light to fifty percent.", "light.bedroom_light", "light.turn_off", "on"),
    command("Turn on the ceiling light.", "light.ceiling_light", "light.turn_off", "on"),
    command("Set the ceiling light to purple please.", "light.ceiling_light", "light.turn_off", "on"),
    command("Please turn on the wall light.", "light.wall_light", "light.turn_off", "on"),
    command("Please set the wall light to purple.", "light.wall_light", "light.turn_off", "on"),
    command("Set the living room light to blue.", "light.living_room_light", "light.turn_off", "on"),
    command("Turn on the living room lights.", "light.floor_lamp", "light.turn_off", "on"),
    command("Turn off the living room lights.", "light.floor_lamp", "light.turn_on", "off"),
    command("Turn on the lights in the kids room please.", "light.kids_room_light", "light.turn_off", "on"),
    command("Can you turn the garage light on?", "light.garage_light", "light.turn_off", "on"),
    command("Close the bedroom blinds.", "cover.bedroom_blinds", "cover.open_cover", "closed"),
    command("Open the living room curtains.", "cover.living_room_curtains", "cover.close_cover", "open"),
    command("Raise the kitchen blinds please.", "cover.kitchen_blinds", "cover.close_cover", "open"),
    command("Please lower the kitchen blinds.", "cover.kitchen_blinds", "cover.open_cover", "closed"),
    command("Turn on the kids room fan.", "fan.kids_room_fan", "fan.turn_off", "on"),
    command("Turn off the garden fan please.", "fan.garden_fan", "fan.turn_on", "off"),
    command("Turn off the fan in the bathroom.", "fan.bathroom_fan", "fan.turn_on", "off"),
    command("Turn on the printer.", "switch.printer", "switch.turn_off", "on"),
    command("Switch on the printer.", "switch.printer", "switch.turn_off", "on"),
    command("Can you switch off the heater?", "switch.heater", "switch.turn_on", "off"),
    command("Please switch off the heater.", "switch.heater", "switch.turn_on", "off"),
];
