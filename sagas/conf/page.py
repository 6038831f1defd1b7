"""docs/settings-reference.md, made of `sagas.conf.reference`: `python -m sagas.conf.page`."""

import re

from sagas.conf.reference import SETTINGS


def page() -> str:
    """docs/settings-reference.md."""
    lines = [
        "# Settings reference",
        "",
        "Made by `make docs` from `sagas/conf/reference.py`; do not edit.",
        "",
        "The library reads one dict, `SAGAS`, in your project's settings. Every key has a default,",
        "so you need none to begin with. `manage.py check` names unknown keys and invalid values.",
    ]
    for name, setting in SETTINGS.items():
        default = list(setting.default) if isinstance(setting.default, tuple) else setting.default
        expected = setting.expected[0].upper() + setting.expected[1:]
        help = re.sub(r"docs/(\w+\.md)", r"[docs/\1](\1)", setting.help)
        lines += ["", f"## {name}", "", help, "", f"{expected}. Default: `{default!r}`."]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(page(), end="")
