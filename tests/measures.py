"""What the statistics ask of each protocol, as the workflow tells them."""

from wordsight.statistics.measures import Measure
from wordsight.workflow import params

MEASURES = {name: Measure(**values) for name, values in params.measures().items()}
