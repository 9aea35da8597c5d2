"""The reference runner: takes runs from the queue, claims and executes them, reports to the orchestrator.

The contract every runner keeps is in docs/runner-contract.md.
"""

import sys

# Values nest up to 512 levels (docs/runner-contract.md), and walking them takes up to three frames a level.
sys.setrecursionlimit(max(sys.getrecursionlimit(), 10_000))
