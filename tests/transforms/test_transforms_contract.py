from collections.abc import Mapping
from typing import Any, ClassVar

from modelwright.testing.frames import TIME
from modelwright.testing.transforms import TransformContract
from modelwright.transforms import all_transforms


class TestOurs(TransformContract):
    parts = all_transforms()
    examples: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "sql_features": {"expressions": {"x": 'plain / "😀"', "few": "upper(few)", "d": f'year("{TIME}")'}},
        "drop_columns": {"columns": ["constant", "text"]},
        "keep_columns": {"columns": ["text", "plain", "few"]},
        "as_category": {"columns": ["😀", "few", "day", "text"]},
        "as_numeric": {},
        "assemble_date": {"columns": ["constant", "😀"]},
    }
