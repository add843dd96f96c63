"""How far places in the image decide where patches attend, at every layer."""

from __future__ import annotations

from workflow_scripts.metrics.locality import key_query_information
from workflow_scripts.onepass.batch import Batch, LayerView
from workflow_scripts.onepass.collector import Collector


class KeyQueryInformation(Collector):
    """Mutual information of keys and queries in the attention among patches, averaged over heads: rows of [L] nats."""

    name = "key_query_information"
    attention = True

    def update(self, view: LayerView, batch: Batch) -> None:
        """Put the batch's information."""
        self.put("information", view.index, batch.index, key_query_information(view.attention, view.n_prefix))
