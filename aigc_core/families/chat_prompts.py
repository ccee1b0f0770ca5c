"""The words in which tasks are put to a model that follows instructions.

They are in the language of the text, since a model answers in the language that it is asked in.
"""

import re

from aigc_core.errors import InvalidRequest
from aigc_core.families.asking import Wish
from aigc_core.families.quatrain_wishes import wishes_of
from aigc_core.tasks.translation import TranslateText
from aigc_core.tasks.verse import ComposePoem
from aigc_core.tasks.writing import AnswerQuestion, ChatText, SummariseText, WriteText
from aigc_core.text import Language, Text

HAN = re.compile(r"[\u3400-\u9fff\U00020000-\U000323af]")
LATIN = re.compile(r"[A-Za-z]+")

NO_QUESTION = Text(
    "The last message is empty. Write something.", "最后一条消息为空。请写一些文字。"
)

SUMMARISE = Text(
    "Summarise the following text in {count}. Write the summary alone, in English.\n\n{text}",
    "请用{count}概括下面的文本。只写摘要，用中文。\n\n{text}",
)
SENTENCE = Text("one sentence", "一句话")
SENTENCES = Text("at most {count} sentences", "最多 {count} 句话")

ANSWER = Text(
    "Answer the question from the passage alone. If the passage does not say, say that it does "
    "not. Answer in a sentence or two; then, on a line of its own that begins with “Quote:”, copy "
    "the sentence of the passage that says so, word for word.\n\n"
    "Passage:\n{text}\n\nQuestion: {question}",
    "请只根据文段回答问题。文段没有提到的，就说没有提到。先用一两句话回答；"
    "然后另起一行，以“引文：”开头，逐字抄录文段中作为依据的句子。\n\n"
    "文段：\n{text}\n\n问题：{question}",
)

TRANSLATE = Text(
    "Translate the following text into English. Write the translation alone.\n\n{text}",
    "请把下面的文本译成中文。只写译文。\n\n{text}",
)

GENRES = {
    "story": Text("a short story", "一篇短篇故事"),
    "news": Text("a news report, with a headline", "一篇新闻报道，要有标题"),
    "poem": Text("a poem", "一首诗"),
    "script": Text(
        "a scene of a script, with the speakers' names before their lines",
        "一场剧本，台词前写明人物姓名",
    ),
}
WRITE = Text(
    "Write {genre} to this brief. Write the text alone.\n\nBrief: {text}",
    "请按要求写{genre}。只写正文。\n\n要求：{text}",
)
OUTLINE = Text(
    "You will write {genre} in {count} parts to the brief below. Write its outline: exactly "
    "{count} lines, each with a number and a short title of that part, nothing else.\n\n"
    "Brief: {text}",
    "你将按下面的要求分 {count} 部分写{genre}。请先列提纲：恰好 {count} 行，"
    "每行是编号和该部分的简短标题，不写其他内容。\n\n要求：{text}",
)
SECTION = Text(
    "You are writing {genre} in {count} parts.\n\nBrief: {brief}\n\nOutline:\n{outline}\n\n"
    "{before}Write part {place} now, “{title}”. Go on where the text stands, repeat nothing, and "
    "write the text of this part alone, without its title.{last}",
    "你正在分 {count} 部分写{genre}。\n\n要求：{brief}\n\n提纲：\n{outline}\n\n"
    "{before}现在写第 {place} 部分“{title}”。接着已有内容往下写，不要重复，"
    "只写这一部分的正文，不写标题。{last}",
)
SO_FAR = Text("The text so far ends:\n{text}\n\n", "已写内容的结尾：\n{text}\n\n")
LAST = Text(" It is the last part: bring the text to its end.", "这是最后一部分：请给全文收尾。")

# Verse of the Tang is asked for in its own language.
POEM = "请作一首{form}绝句{wishes}。只写诗句，每句一行，不写题目，不加说明。"
KEEP_FORM = "：共四句，每句恰好 {count} 个字，第一、三句以“，”结尾，第二、四句以“。”结尾"
RHYMING = "，第二、四句押韵"
FIRST_LINE = "，第一句以“{line}”开头"
HEADS = "，各句的第一个字依次为“{heads}”（藏头诗）"
FORMS = {"5": ("五言", "五"), "7": ("七言", "七")}


def language_of(text: str) -> Language:
    """Chinese where it has more Chinese characters than Latin words."""
    return "zh" if len(HAN.findall(text)) > len(LATIN.findall(text)) else "en"


def chat(request: ChatText) -> Wish:
    """The last message, after those before it.

    Raises:
        InvalidRequest: there is no conversation, or nothing to answer.
    """
    *older, last = request.turns
    if not last.content.strip():
        raise InvalidRequest(NO_QUESTION)
    return Wish(str, last.content, "end", request.system, tuple(older))


def summary(request: SummariseText) -> Wish:
    language = language_of(request.text)
    count = SENTENCE if request.sentences == 1 else SENTENCES.fill(count=request.sentences)
    return Wish(lambda text: SUMMARISE.fill(count=count, text=text).say(language), request.text)


def question(request: AnswerQuestion) -> Wish:
    language = language_of(request.question)
    return Wish(
        lambda text: ANSWER.fill(text=text, question=request.question).say(language),
        request.passage,
    )


def translation(request: TranslateText) -> Wish:
    return Wish(lambda text: TRANSLATE.fill(text=text).say(request.to), request.text)


def writing(request: WriteText) -> Wish:
    """The whole text at once."""
    language, genre = language_of(request.brief), GENRES[request.genre]
    return Wish(lambda text: WRITE.fill(genre=genre, text=text).say(language), request.brief)


def outline(request: WriteText) -> Wish:
    language, genre = language_of(request.brief), GENRES[request.genre]
    return Wish(
        lambda text: OUTLINE.fill(genre=genre, count=request.parts, text=text).say(language),
        request.brief,
    )


def section(request: WriteText, titles: list[str], place: int, so_far: str) -> Wish:
    """One part of a long text, counted from 0, with the outline and the text so far in view."""
    language, count = language_of(request.brief), len(titles)
    numbered = "\n".join(f"{number}. {title}" for number, title in enumerate(titles, 1))

    def say(text: str) -> str:
        return SECTION.fill(
            genre=GENRES[request.genre],
            count=count,
            brief=request.brief,
            outline=numbered,
            before=SO_FAR.fill(text=text) if text.strip() else "",
            place=place + 1,
            title=titles[place],
            last=LAST if place + 1 == count else "",
        ).say(language)

    return Wish(say, so_far, "end")


def poem(request: ComposePoem) -> Wish:
    """A quatrain; its wishes are told, and nothing but the model sees to it that they are kept.

    Raises:
        InvalidRequest: they are at odds with each other.
    """
    line, heads = wishes_of(request)
    form, count = FORMS[request.form]
    told = (
        (request.keep_form, KEEP_FORM.format(count=count)),
        (request.rhyming, RHYMING),
        (line, FIRST_LINE.format(line=line)),
        (heads, HEADS.format(heads="、".join(heads))),
    )
    wishes = "".join(words for wished, words in told if wished)
    return Wish(lambda _: POEM.format(form=form, wishes=wishes), "")
