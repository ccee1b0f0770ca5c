"""Small pieces of HTML: pictures inside the page, and facts in a row."""

import base64
import io
from html import escape

from PIL import Image as Pillow

from aigc_core.media import Image
from aigc_core.text import Text
from apps.ui.language import both

NOTED = Text("{name}: {note}", "{name}：{note}")


def picture(image: Image, description: Text) -> str:
    """An <img> that holds its own pixels, to be scaled without smoothing."""
    return img("image/png", png(image), description)


def source(image: Image) -> str:
    """The same as an address."""
    return address("image/png", png(image))


def png(image: Image) -> bytes:
    buffer = io.BytesIO()
    Pillow.fromarray(image.pixels).save(buffer, "PNG")
    return buffer.getvalue()


def animation(gif: bytes, description: Text) -> str:
    """An <img> of a GIF file."""
    return img("image/gif", gif, description)


def img(kind: str, content: bytes, description: Text) -> str:
    return f'<img class="pixels" src="{address(kind, content)}" alt="{said(description)}">'


def said(text: Text) -> str:
    """Both languages for an attribute, of which no style sheet could show one."""
    return escape(text.abreast())


def noted(name: Text, note: Text) -> Text:
    """A name, and what is to be said of it."""
    return NOTED.fill(name=name, note=note)


def same(word: str) -> Text:
    """A figure or a name, which reads the same in both languages."""
    return Text(word, word)


def address(kind: str, content: bytes) -> str:
    """A data: URL, which holds the content itself."""
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def facts(*pairs: tuple[Text, Text]) -> str:
    """Measured facts in a row: a quiet name and a figure each."""
    items = "".join(
        f"<div><span>{both(name)}</span><b>{both(value)}</b></div>" for name, value in pairs
    )
    return f'<div class="facts">{items}</div>'


def heading(title: Text, lede: Text) -> str:
    """A page's title and its one sentence."""
    return f'<h1>{both(title)}</h1><p class="lede">{both(lede)}</p>'


def lede(text: Text) -> str:
    return f'<p class="lede small">{both(text)}</p>'
