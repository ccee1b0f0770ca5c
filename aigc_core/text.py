"""Words for people, in both languages side by side."""

from typing import Any, Literal, NamedTuple

Language = Literal["en", "zh"]
LANGUAGES: tuple[Language, ...] = ("en", "zh")


class Text(NamedTuple):
    """One string in English and in Chinese."""

    en: str
    zh: str

    def say(self, language: Language) -> str:
        """The string in one language."""
        return self.zh if language == "zh" else self.en

    def fill(self, **values: Any) -> "Text":
        """Both strings with `{name}` replaced; a Text among the values is said in each language."""
        said = {
            language: {
                name: value.say(language) if isinstance(value, Text) else value
                for name, value in values.items()
            }
            for language in LANGUAGES
        }
        return Text(self.en.format(**said["en"]), self.zh.format(**said["zh"]))
