"""What the models page says."""

from aigc_core.status import Standing
from aigc_core.stock import Place
from aigc_core.text import Text
from apps.ui.pages import MODELS

TITLE = MODELS[1]
LINE = Text(
    "What is loaded, what is on the disk, what could be downloaded.",
    "哪些已加载，哪些已在磁盘上，哪些可以下载。",
)
NOW = Text("Now", "当前状态")
GROUPS: dict[Place, tuple[Text, Text]] = {
    "shipped": (
        Text("With the suite", "随套件提供"),
        Text(
            "Written and trained here, with their weights, and real data to compare with.",
            "在这里编写和训练，附带权重；另有真实数据供比较。",
        ),
    ),
    "disk": (
        Text("On the disk", "已在磁盘上"),
        Text(
            "Downloaded and verified; they need no network any more.",
            "已下载并校验，不再需要网络。",
        ),
    ),
    "hub": (
        Text("To download", "可下载"),
        Text(
            "Once, from the Hugging Face hub; a broken download goes on.",
            "从 Hugging Face Hub 下载一次即可；中断后会继续。",
        ),
    ),
    "gated": (
        Text("Terms to accept first", "需先接受条款"),
        Text(
            "Their makers want to know who uses them. Open the link and accept the terms, then run "
            "“hf auth login” with a token of that account, or start the suite with it in HF_TOKEN.",
            "作者希望知道谁在使用。打开链接并接受条款，再用该账号的令牌运行 “hf auth login”，"
            "或将令牌设为 HF_TOKEN 后重新启动套件。",
        ),
    ),
    "remote": (
        Text("On other servers", "在其他服务器上"),
        Text(
            "Nothing of them is loaded here; what you ask them leaves this machine.",
            "本机不加载它们；你的请求会发送到那些服务器。",
        ),
    ),
}
STRAYS = (
    Text("Left on the disk", "磁盘上的旧文件"),
    Text("Other versions, which nothing here uses.", "其他版本，这里不再使用。"),
)

FREE = Text("memory: {free} of {total} free", "内存：可用 {free}，共 {total}")
LOADED_HERE = Text("models {size}", "模型 {size}")
TAKEN = Text("everything else {size}", "其余 {size}")
DEAD = Text(
    "This device failed and is not used any more; start the suite again.",
    "该设备出错，已停用；请重新启动套件。",
)
DISK = Text("Disk for downloads", "下载所用磁盘")
DISK_FREE = Text("{free} free", "可用 {free}")
OTHERS = Text("other programs keep {size} of models there", "其他程序在此存有 {size} 模型")

IN_MEMORY = Text("In memory", "内存中")
NOTHING_LOADED = Text(
    "Nothing is loaded. A model is loaded when somebody first asks for it.",
    "还没有加载模型。有人第一次使用时才会加载。",
)
ON_THE_WAY = Text("Downloads", "下载")
BESIDE = Text("+ {size} RAM", "+ {size} 内存")
STANDING: dict[Standing, Text] = {
    "fetching": Text("downloading", "下载中"),
    "waiting": Text("waits for its turn to load", "等待加载"),
    "loading": Text("loading", "加载中"),
    "ready": Text("idle", "空闲"),
    "failed": Text("failed", "失败"),
}
IN_USE = Text("in use by {count}", "{count} 个任务使用中")
WAITING = Text("{count} waiting", "{count} 个排队")
PINNED = Text("stays", "常驻")

LEASES = Text("leases", "使用中")
QUEUE = Text("queue", "排队")
HITS = Text("hits", "命中")
LOADS = Text("loads", "加载")
EVICTIONS = Text("evictions", "卸载")
FAILURES = Text("failures", "失败")
CANCELLED = Text("cancelled", "取消")
OUT_OF_MEMORY = Text("out of memory", "内存不足")

VERIFYING = Text("checking the checksums", "正在校验")
STARTING = Text("asking the hub", "正在询问 Hub")
PATIENCE = Text("the hub is busy; asked again in {count} s", "Hub 繁忙，{count} 秒后重试")
OF = Text("{done} of {total}", "{done} / {total}")
AND = Text("{count}, {more}", "{count}，{more}")

COMMAND = Text("Answers on the command line:", "在命令行中使用：")
USED = Text("last used {day}", "上次使用 {day}")
NEVER = Text("not used yet", "尚未使用")
WEIGHTS = Text("Weights", "权重")
DATA = Text("Data", "数据")
CODE = Text("Code", "代码")
COMMIT = Text("commit {commit}", "版本 {commit}")
ACCEPT = Text("Accept the terms at {link}", "在 {link} 接受条款")
LOAD_FAILED = Text("The last load failed: {why}", "上次加载失败：{why}")
UNKNOWN = Text("not stated", "未注明")

DOWNLOAD = Text("Download", "下载")
GO_ON = Text("Go on", "继续下载")
AGAIN = Text("Try again", "重试")
CANCEL = Text("Cancel", "取消")
DELETE = Text("Delete", "删除")
UNLOAD = Text("Unload", "卸载")
KEEP = Text("Keep", "保留")
SURE = Text("Delete {size} from the disk?", "从磁盘删除 {size}？")
GUEST = Text(
    "Only whoever sits at this machine may download, delete or unload: open this page there.",
    "只有在这台机器上操作的人才能下载、删除或卸载：请在本机打开此页。",
)
NO_OWNER = Text(
    "Models are not downloaded, deleted or unloaded from this page.",
    "此页不提供模型的下载、删除和卸载。",
)
LOST = Text(
    "The server did not answer, so it may not have been done. Check the connection and try again.",
    "服务器没有应答，操作可能未完成。请检查连接后重试。",
)

NOT_LOADED = Text("The model is not loaded.", "该模型没有加载。")
NO_DOWNLOAD = Text("There is no download of yours to cancel.", "没有可取消的下载。")
NO_ORDER = Text("The page asked for something unknown. Reload it.", "页面的请求无法识别，请刷新。")

ADD = Text("Add a model", "添加模型")
ADD_SAYS = Text(
    "Any text model or text-to-image pipeline of the hub whose weights are safetensors. Nothing "
    "is downloaded before you say so, and no code from it is ever run.",
    "Hub 上任何以 safetensors 存放权重的文本模型或文生图管线。"
    "未经你同意不会下载，也绝不运行其中的代码。",
)
REFERENCE = Text("Repository", "仓库")
REFERENCE_HELP = Text(
    "org/name, or the address of its page; with @ and a branch, tag or commit for another version",
    "org/name 或其网页地址；可在后面加 @ 和分支、标签或提交，选择其他版本",
)
LOOK_UP = Text("Look up", "查询")
ADD_IT = Text("Add to the list", "加入列表")
LOOKING = Text("Asking the hub.", "正在询问 Hub。")
ADDED = Text("{model} is in the list now.", "{model} 已加入列表。")
LOOK_FIRST = Text("Look a repository up first.", "请先查询一个仓库。")
KIND, SIZE, FITS = Text("Kind", "类型"), Text("Size", "大小"), Text("Here", "本机")
LICENCE, VERSION = Text("Licence", "许可证"), Text("Version", "版本")
TERMS = Text("Its makers want their terms accepted first.", "作者要求先接受其条款。")
