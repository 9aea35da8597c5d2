"""Tests of the runner: against real Redis and MongoDB, and a real HTTP server in the orchestrator's place."""
