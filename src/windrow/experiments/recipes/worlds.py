"""Recipes of pre-training on simulated places; all numbers are ours."""

from __future__ import annotations

from collections.abc import Callable

from windrow.errors import SettingsError
from windrow.models.place_network import PlaceNetworkSettings
from windrow.pipelines.world_settings import WorldPretrainingSettings
from windrow.simulation.worlds.scenario_worlds import ScenarioWorldSettings
from windrow.simulation.worlds.settings import EARTH
from windrow.tasks.episode_augmentation import AugmentationSettings
from windrow.tasks.episodes import EpisodeSettings
from windrow.training.optimization import OptimizationSettings

CLEAR_BELOW = 102
"""Cloud probability of a clear date, 40 %, as in the comparisons with few labels."""


FARMLAND = ScenarioWorldSettings(
    num_fields=200,
    num_landscapes=(1, 3),
    num_crops=(5, 14),
    common_crops=(
        "winter wheat", "winter barley", "spring barley", "winter rapeseed", "silage maize",
        "grain maize", "mown meadow", "pasture", "clover grass", "alfalfa", "arable grass",
        "sugar beet", "potato", "soybean", "sunflower", "winter rye",
    ),
    common_share=0.7,
    l1c_share=0.35,
    latitude=(36.0, 60.0),
    season_shift=13.0,
    harvest_shift=10.0,
    drought=(0.0, 0.7),
    leaf_area_scale=(0.75, 1.2),
    winter_leaf_area=(0.6, 1.8),
    management_spread=(0.7, 1.4),
    soil_brightness=(0.12, 0.28),
    cloud_share=(0.15, 0.75),
    snow_share=0.5,
    field_m=(90.0, 300.0),
    aerosol=(0.06, 0.3),
)  # fmt: skip
"""Places of temperate farmland. All ranges are assumed, as in the prototype."""

HELD_OUT_CROPS = ("hemp", "tobacco", "safflower", "sesame", "pumpkin", "strawberry")
"""Crops that no training place of ``windrow-1`` has, so that validation covers unseen crops."""


def augmentation() -> AugmentationSettings:
    """Returns the augmentation, which imitates effects of sensor, archive and correction.

    The gains of the bands are the prototype's; noise and the brightness of fields vary somewhat
    more. A fifth of the episodes have the ten bands of 10 and 20 m, fewer have nine, four or a
    random set.
    """
    return AugmentationSettings(
        noise=0.008,
        field_gain=0.04,
        band_gain=0.04,
        haze=0.25,
        haze_range=(-0.02, 0.08),
        missed_clouds=0.3,
        fewer_dates=0.5,
        least_dates_kept=0.25,
        monthly=0.1,
        gap=0.15,
        longest_gap_days=120,
        rolled=0.2,
        shift_days=6.0,
        without_sixty_metres=0.2,
        without_b8a=0.15,
        ten_metres=0.05,
        other_bands=0.1,
    )


def episodes(*, num_queries: int = 72) -> EpisodeSettings:
    """Returns episodes of two to twelve classes with zero to twenty labelled fields per class.

    Args:
        num_queries: number of fields to classify per episode.
    """
    return EpisodeSettings(
        num_classes=(2, 12),
        num_labelled=(0, 1, 2, 3, 5, 10, 20),
        label_weights=(0.15, 0.2, 0.1, 0.1, 0.2, 0.15, 0.1),
        uneven=0.3,
        num_queries=num_queries,
        merged=0.35,
        rest_class=0.2,
        all_known=0.5,
        some_known=0.3,
        wrong_prior=0.25,
        wrong_labels=0.05,
        all_context=0.7,
        known_latitude=0.7,
        augmentation=augmentation(),
        prior_weight=0.3,
        label_weight=0.3,
    )


def optimization() -> OptimizationSettings:
    """Returns AdamW with a short warm-up; the second beta is 0.98 because the steps are few."""
    return OptimizationSettings(
        kind="adamw",
        schedule="cosine",
        learning_rate=1e-3,
        betas=(0.9, 0.98),
        weight_decay=0.01,
        warmup_share=0.02,
        gradient_clip=1.0,
    )


def windrow_1(*, seed: int = 0) -> WorldPretrainingSettings:
    """Returns the recipe of the shipped weights.

    Training takes 40 minutes on one core, after 20 minutes of simulation. Three families of
    places are held out for validation: six rarer crops, places 13 to 17 degrees from the equator,
    and top-of-atmosphere places south of the equator. Together they are a tenth of the places.

    Args:
        seed: seed of weights and episodes. The places are the same for all seeds.
    """
    return WorldPretrainingSettings(
        recipe="windrow-1",
        task=episodes(),
        network=PlaceNetworkSettings(
            patch_steps=5,
            patch_stride=3,
            patch_width=64,
            hidden_width=256,
            width=128,
            num_layers=3,
            num_heads=4,
            mlp_width=256,
            embedding_width=64,
            num_refinements=1,
        ),
        worlds=EARTH,
        scenario_worlds=FARMLAND,
        num_worlds=1_200,
        num_scenario_worlds=700,
        num_validation_worlds=120,
        num_validation_scenario_worlds=40,
        held_out_crops=HELD_OUT_CROPS,
        held_out_latitudes=(13.0, 17.0),
        held_out_southern_l1c=True,
        validation_labels=(0, 1, 5, 10),
        clear_below=CLEAR_BELOW,
        optimization=optimization(),
        batch_size=8,
        num_steps=10_000,
        log_every=100,
        validate_every=1_000,
        checkpoint_every=500,
        world_seed=0,
        seed=seed,
    )


def worlds_tiny(*, seed: int = 0) -> WorldPretrainingSettings:
    """Returns a recipe for tests: it takes seconds and learns almost nothing."""
    whole = windrow_1(seed=seed)
    return whole.model_copy(
        update={
            "recipe": "worlds-tiny",
            "smoke_test": True,
            "task": episodes(num_queries=16),
            "network": whole.network.model_copy(
                update={
                    "patch_width": 8, "hidden_width": 16, "width": 16, "num_layers": 1,
                    "num_heads": 2, "mlp_width": 16, "embedding_width": 8,
                }
            ),
            "worlds": EARTH.model_copy(update={"num_fields": 40}),
            "scenario_worlds": FARMLAND.model_copy(update={"num_fields": 40}),
            "num_worlds": 2,
            "num_scenario_worlds": 1,
            "num_validation_worlds": 2,
            "num_validation_scenario_worlds": 1,
            "held_out_crops": ("hemp",),
            "held_out_latitudes": None,
            "held_out_southern_l1c": False,
            "validation_labels": (1, 3),
            "batch_size": 2,
            "num_steps": 6,
            "log_every": 2,
            "validate_every": 3,
            "checkpoint_every": 2,
        }
    )  # fmt: skip


WORLD_RECIPES: dict[str, Callable[..., WorldPretrainingSettings]] = {
    "windrow-1": windrow_1,
    "worlds-tiny": worlds_tiny,
}


def world_recipe(name: str, *, seed: int = 0) -> WorldPretrainingSettings:
    """Returns the settings of a recipe by its name.

    Args:
        name: name of the recipe.
        seed: seed of every random draw.

    Raises:
        SettingsError: there is no such recipe.

    Example:
        >>> world_recipe("windrow-1").batch_size
        8
    """
    if name not in WORLD_RECIPES:
        raise SettingsError("unknown recipe", found=name, expected=", ".join(WORLD_RECIPES))
    return WORLD_RECIPES[name](seed=seed)
