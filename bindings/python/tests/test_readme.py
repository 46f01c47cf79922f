"""The example of README.md, as it stands there."""

import contextlib
import io
import os
import pathlib
import re
import tempfile
import unittest


class TheReadme(unittest.TestCase):
    def test_its_example_runs(self) -> None:
        text = (pathlib.Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
        examples = re.findall(r"^```python\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
        self.assertEqual(len(examples), 1)
        before = os.getcwd()
        with tempfile.TemporaryDirectory() as directory:
            os.chdir(directory)
            try:
                with contextlib.redirect_stdout(io.StringIO()) as printed:
                    exec(compile(examples[0], "README.md", "exec"), {})
            finally:
                os.chdir(before)
        self.assertEqual(printed.getvalue(), "the first version\n")


if __name__ == "__main__":
    unittest.main()
