"""The reference runner: takes runs from the queue, claims and executes them, reports to the orchestrator.

The contract every runner keeps is in docs/runner-contract.md.
"""
