"""`oran_env` neither needs torch nor anything else of the extras, and does not import what happens to be there."""

from __future__ import annotations

import subprocess
import sys

EXTRAS = (
    *("torch", "safetensors", "tyro", "tqdm", "scipy", "matplotlib", "mpe2", "tasam_agents"),
    *("stable_baselines3", "ray", "torchrl", "tensordict", "benchmarl"),
)

PROGRAM = f"""
import sys
for name in {EXTRAS!r}:
    sys.modules[name] = None  # an import of it now fails
import oran_env, oran_env.scoring.rule_search, oran_env.policies.rules
env = oran_env.parallel_env("tiny")
observations, _ = env.reset(seed=0)
policy = env.reference_policies()["count_rule"]
env.step({{agent: policy(observation) for agent, observation in observations.items()}})
oran_env.OranJointEnv("tiny").reset(seed=0)
oran_env.OranDuEnv("tiny").reset(seed=0)
oran_env.OranJointVectorEnv(2, "tiny").reset(seed=0)
import importlib
extras = {{"sb3": "sb3", "rllib": "ray", "torchrl": "torchrl", "torchrl_batch": "torchrl", "benchmarl": "benchmarl"}}
for module, extra in extras.items():
    try:
        importlib.import_module("oran_env.adapters." + module)
    except ImportError as error:
        assert f"pip install -e '.[{{extra}}]'" in str(error), error
    else:
        raise AssertionError(module)
"""

LEAN = f"""
import sys
import oran_env
print(*sorted(set({EXTRAS!r}) & set(sys.modules) - {{"scipy"}}))  # numba looks for scipy, and does without
"""


def fresh(program: str) -> str:
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_works_without_the_extras() -> None:
    fresh(PROGRAM)


def test_imports_none_of_them() -> None:
    assert fresh(LEAN) == ""
