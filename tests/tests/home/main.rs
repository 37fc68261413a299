//! Everything that is tried in a real Home Assistant, as one program: most of it waits, so many run at once.

mod asking;
mod declined;
mod delayed;
mod hass_commands;
mod hass_connection;
mod hass_home;
mod hass_registration;
mod hass_supervisor;
mod hostile;
mod images;
mod injection;
mod noise;
mod ollama;
mod pauses;
mod planted;
mod questions;
mod registry;
mod restarts;
mod second_agent;
mod speech_child;
mod tasks;
mod understanding;
mod voice;
mod words;
