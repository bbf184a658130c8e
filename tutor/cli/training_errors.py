"""What every command needs that calls the training package: its libraries, and its errors in the one tree's words."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator
from contextlib import contextmanager

from index_store.errors import TrainError
from tutor.offline import close_network

LIBRARIES = ("trl", "peft", "bitsandbytes", "datasets", "accelerate", "matplotlib")


@contextmanager
def training_errors(what: str = "this") -> Iterator[None]:
    """Raise TrainError for what is not installed and for what the package refuses; nothing is sent anywhere meanwhile.

    `what` needs the libraries, in words.
    """
    missing = [name for name in LIBRARIES if importlib.util.find_spec(name) is None]
    if missing:
        raise TrainError(f"{what} needs {', '.join(missing)}, not installed. Run: pip install -e '.[train]'")
    close_network(hub=True)
    os.environ.setdefault("TQDM_DISABLE", "1")  # read when tqdm is imported
    os.environ.setdefault("PYTORCH_CUDA_ALLOC_CONF", "expandable_segments:True")  # read when CUDA starts
    from training.errors import TrainingError

    try:
        yield
    except TrainingError as error:
        raise TrainError(str(error)) from error
