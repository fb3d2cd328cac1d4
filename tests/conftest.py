"""What all tests share.

None of them may read or change what past runs on this machine have taught. Where CI is set, generated examples are the
same on every run, so that a change is judged by what it changes; elsewhere new ones are looked for each time.
"""

import os

from hypothesis import settings

os.environ["MODELWRIGHT_MEMORY"] = "off"
os.environ.pop("MODELWRIGHT_LLM", None)

settings.register_profile("ci", derandomize=True)
if os.environ.get("CI"):
    settings.load_profile("ci")
