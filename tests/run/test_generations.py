from everybatch.metrics.events import BatchEvent, Hello, Planned, RankFailed, Warned
from everybatch.run.generations import Generations


def test_only_what_has_a_place_in_the_run_is_counted_further():
    generations = Generations()
    assert [generations.comes_again(Hello(0, pid)) for pid in (100, 100, 200)] == [False, False, True]
    generations.go_on_behind(3, 30)
    batch = BatchEvent(0, 1, 4, 5, 0.5, 0.1, 4, 0.1, 0.0, 0.0, 1.0)
    placed = generations.placed(batch)
    assert (placed.epoch, placed.batch, placed.step) == (4, 4, 35)
    assert generations.placed(Planned(0, 2, -1)) == Planned(0, 5, -1)
    assert generations.placed(Warned(0, "steps_skipped", {"epoch": 2})).fields == {"epoch": 5}
    error = RankFailed(0, "ValueError", "no more", "", 1.0)
    assert generations.placed(error) == error
    assert generations.placed(RankFailed(1, "ValueError", "of a rank that has not come again", "", 1.0)) is None
