"""Files are written whole or not at all, also where several threads write the same one."""

from concurrent.futures import ThreadPoolExecutor

from forgetting.files import write_text


def test_threads_that_write_one_file_leave_what_one_of_them_wrote(tmp_path):
    texts = [str(k) * 10_000 for k in range(10)]
    with ThreadPoolExecutor(10) as pool:
        for _ in range(20):
            list(pool.map(lambda text: write_text(tmp_path / "same", text), texts))
            assert (tmp_path / "same").read_text() in texts
    assert [path.name for path in tmp_path.iterdir()] == ["same"]
