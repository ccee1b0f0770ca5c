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

    def abreast(self) -> str:
        """Both languages in one line, for places that can show but one string."""
        return self.en if self.en == self.zh else f"{self.en} · {self.zh}"

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


def paragraph(*sentences: Text) -> Text:
    """Sentences one after the other; Chinese has no space between them."""
    return Text(" ".join(text.en for text in sentences), "".join(text.zh for text in sentences))
