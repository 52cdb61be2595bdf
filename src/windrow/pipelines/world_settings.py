"""Settings of a pre-training on simulated places."""

from __future__ import annotations

from pydantic import Field, model_validator

from windrow.config import Settings
from windrow.models.place_network import (
    PlaceNetworkSettings,
)
from windrow.pipelines.world_cache import (
    WorldCacheSettings,
)
from windrow.simulation.worlds.scenario_worlds import ScenarioWorldSettings
from windrow.simulation.worlds.settings import WorldSettings
from windrow.tasks.episodes import (
    EpisodeSettings,
)
from windrow.training.optimization import OptimizationSettings


class WorldPretrainingSettings(Settings):
    """Settings of a whole pre-training on places; the recipe ``windrow-1`` returns them."""

    recipe: str = Field(description="name of the recipe it comes from")
    task: EpisodeSettings = Field(description="settings of the episodes")
    network: PlaceNetworkSettings
    worlds: WorldSettings = Field(description="ranges of places on the Earth")
    scenario_worlds: ScenarioWorldSettings = Field(
        description="ranges of places of temperate farmland"
    )
    num_worlds: int = Field(ge=1, description="places to train on, before families are held out")
    num_scenario_worlds: int = Field(ge=0, description="farmland places to train on")
    num_validation_worlds: int = Field(ge=1, description="places for validation")
    num_validation_scenario_worlds: int = Field(ge=0, description="farmland places for validation")
    held_out_crops: tuple[str, ...] = Field(description="crops without a training place")
    held_out_latitudes: tuple[float, float] | None = Field(
        description="range of held-out distances from the equator, degrees"
    )
    held_out_southern_l1c: bool = Field(
        description="hold out top-of-atmosphere places south of the equator"
    )
    validation_labels: tuple[int, ...] = Field(description="labels per class in validation")
    clear_below: int = Field(ge=1, le=256, description="cloud probability of a clear observation")
    optimization: OptimizationSettings
    batch_size: int = Field(ge=1, description="episodes a step")
    num_steps: int = Field(ge=1)
    log_every: int = Field(ge=1, description="steps between lines of metrics")
    validate_every: int = Field(ge=1, description="steps between validations")
    checkpoint_every: int = Field(ge=1, description="steps between checkpoints")
    world_seed: int = Field(ge=0, description="seed of the places alone")
    seed: int = Field(ge=0, description="seed of weights and episodes")
    smoke_test: bool = Field(
        False,
        exclude_if=lambda value: not value,  # absent, so that other hashes stay
        description="True for a recipe that only tests that training runs",
    )

    @model_validator(mode="after")
    def _steps_fit(self) -> WorldPretrainingSettings:
        if self.checkpoint_every % self.log_every:
            raise ValueError("checkpoint_every must be a multiple of log_every")
        return self

    @property
    def cache(self) -> WorldCacheSettings:
        """The settings that determine the places."""
        return WorldCacheSettings(
            worlds=self.worlds,
            scenario_worlds=self.scenario_worlds,
            clear_below=self.clear_below,
            seed=self.world_seed,
        )
