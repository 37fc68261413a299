"""Entities of the test home that Home Assistant has no template for. They believe what they are told and remember it over restarts."""
