"""stable-baselines3's SAC, TD3 and PPO on the same environments, budgets and held-out networks as our own agents.

The library is the extra ``sb3``; it is imported when a baseline is trained or loaded, not before.
"""

from tasam_agents.baselines.config import BaselineConfig
from tasam_agents.baselines.variants import BASELINES

__all__ = ["BASELINES", "BaselineConfig"]
