"""The protocols, in the order of the report. To add one, write its record in this folder and list it here."""

from wordsight.catalogue.protocols import (
    clustering,
    corruptions,
    cross_style_few_shot,
    cross_style_probe,
    cross_style_retrieval,
    few_shot,
    robustness,
    transfer,
)
from wordsight.catalogue.protocols.record import Protocol

PROTOCOLS: dict[str, Protocol] = {
    module.PROTOCOL.name: module.PROTOCOL
    for module in (
        clustering,
        few_shot,
        transfer,
        robustness,
        corruptions,
        cross_style_few_shot,
        cross_style_probe,
        cross_style_retrieval,
    )
}
