"""Batches read ahead: the next one while the device computes."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor

from workflow_scripts.onepass.batch import Batch


def read_ahead(reads: Iterable[Callable[[], Batch]], ahead: bool) -> Generator[Batch, None, None]:
    """Yield what each of `reads` returns, in their order.

    Ahead, one thread reads the next batch while the caller works with the last: two are in memory, never three, if the caller
    has let go of a batch when it asks for the next one. Close the generator to go on with other reads; what is being read is
    waited for and thrown away. On a CPU the thread would take time from what computes.

    Raises:
        Exception: whatever a read raises, when its batch would come.
    """
    if not ahead:
        for read in reads:
            yield read()
        return
    with ThreadPoolExecutor(1, thread_name_prefix="reading") as thread:
        coming: Future[Batch] | None = None
        for read in reads:
            if coming is not None:
                batch = coming.result()
                coming = thread.submit(read)
                yield batch
                del batch
            else:
                coming = thread.submit(read)
        if coming is not None:
            batch = coming.result()
            del coming
            yield batch
