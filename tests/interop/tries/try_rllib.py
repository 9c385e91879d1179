"""PPO of RLlib with one policy for all DUs, by our adapter."""

import subprocess
import sys
from pathlib import Path

example = Path(__file__).parents[3] / "examples/rllib_ippo.py"
subprocess.run([sys.executable, example, "--iterations", "1"], check=True, stdout=subprocess.DEVNULL)
print("shim: oran_env.adapters.rllib.register(), examples/rllib_ippo.py")
