"""Types of arrays by their precision: single, double, and either."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Array = NDArray[np.floating]
