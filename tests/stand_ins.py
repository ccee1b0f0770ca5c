"""Tiny models of real architectures with random weights: they stand in for pretrained ones.

Each builder saves a model into a folder as its library does, and gives the folder. The same seed
gives the same bytes. What they write or draw means nothing, and each says so in a README.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

CARD = "---\nlicense: apache-2.0\n---\nRandom weights of a real architecture, for tests alone.\n"
CORPUS = (
    "Once upon a time a lighthouse stood at the edge of the sea, and every night it told the ships "
    "where the rocks were. Models learn from examples; these here have learned nothing at all.",
    "从前有一座灯塔立在海边，每天夜里告诉船只礁石在哪里。模型从例子中学习；这里的模型什么都没学过。",
)
CHAT = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
# As templates of models that think: told not to, they close the thoughts before they begin.
THINKING = CHAT.replace(
    "assistant\n{% endif %}",
    "assistant\n{% if not enable_thinking %}<think>\n\n</think>\n\n{% endif %}{% endif %}",
)
END, START, STOP = "<|endoftext|>", "<|im_start|>", "<|im_end|>"

Builder = Callable[[Path], Path]


def thinker(folder: Path, seed: int = 0) -> Path:
    """The Qwen3 stand-in with the template of a model that thinks before it answers."""
    return qwen3(folder, seed, template=THINKING)


def qwen3(folder: Path, seed: int = 0, *, template: str = CHAT, **changes: Any) -> Path:
    """A Qwen3 language model with a byte-level BPE tokenizer and a chat template."""
    from transformers import Qwen3Config, Qwen3ForCausalLM

    tokenizer = byte_bpe(300, [END, START, STOP], eos_token=STOP, pad_token=END)
    tokenizer.chat_template = template
    config = Qwen3Config(
        **{
            "vocab_size": len(tokenizer),
            "hidden_size": 64,
            "intermediate_size": 128,
            "num_hidden_layers": 3,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            "head_dim": 16,
            "max_position_embeddings": 512,
            "tie_word_embeddings": True,
            "eos_token_id": tokenizer.eos_token_id,
            "pad_token_id": tokenizer.pad_token_id,
            "bos_token_id": None,
            **changes,
        }
    )
    return saved(folder, spread(made(Qwen3ForCausalLM, config, seed)), tokenizer)


def gpt2(folder: Path, seed: int = 0, **changes: Any) -> Path:
    """A GPT-2 language model with its byte-level BPE tokenizer."""
    from transformers import GPT2Config, GPT2LMHeadModel

    tokenizer = byte_bpe(300, [END], bos_token=END, eos_token=END)
    config = GPT2Config(
        **{
            "vocab_size": len(tokenizer),
            "n_embd": 48,
            "n_layer": 2,
            "n_head": 4,
            "n_positions": 256,
            "bos_token_id": tokenizer.bos_token_id,
            "eos_token_id": tokenizer.eos_token_id,
            **changes,
        }
    )
    return saved(folder, spread(made(GPT2LMHeadModel, config, seed)), tokenizer)


def stable_diffusion(folder: Path, seed: int = 0, *, checker: bool = False) -> Path:
    """A StableDiffusionPipeline for 64 px with a real CLIPTokenizer; about 1 M parameters."""
    from diffusers import EulerDiscreteScheduler, StableDiffusionPipeline
    from transformers import CLIPImageProcessor

    pipe = StableDiffusionPipeline(
        vae=autoencoder(seed),
        text_encoder=clip_text(seed, 32),
        tokenizer=clip_tokenizer(),
        unet=unet(seed, cross_attention_dim=32),
        scheduler=EulerDiscreteScheduler(
            beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", steps_offset=1
        ),
        safety_checker=safety_checker(seed) if checker else None,
        feature_extractor=CLIPImageProcessor(size=32, crop_size=32) if checker else None,
        requires_safety_checker=checker,
    )
    saved(folder, pipe)
    write_clip_files(folder / "tokenizer")
    return folder


def sdxl(folder: Path, seed: int = 0) -> Path:
    """A StableDiffusionXLPipeline with its two text encoders."""
    from diffusers import EulerDiscreteScheduler, StableDiffusionXLPipeline

    pipe = StableDiffusionXLPipeline(
        vae=autoencoder(seed),
        text_encoder=clip_text(seed, 32),
        text_encoder_2=clip_text(seed + 1, 32, projection=32),
        tokenizer=clip_tokenizer(),
        tokenizer_2=clip_tokenizer(),
        unet=unet(
            seed,
            cross_attention_dim=64,
            addition_embed_type="text_time",
            addition_time_embed_dim=8,
            transformer_layers_per_block=(1, 2),
            # Six sizes of 8 numbers each, and the pooled text.
            projection_class_embeddings_input_dim=6 * 8 + 32,
            use_linear_projection=True,
        ),
        scheduler=EulerDiscreteScheduler(
            beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", steps_offset=1
        ),
    )
    return saved(folder, pipe)


def flux(folder: Path, seed: int = 0) -> Path:
    """A FluxPipeline: a Transformer over packed latents, CLIP and T5."""
    from diffusers import (
        AutoencoderKL,
        FlowMatchEulerDiscreteScheduler,
        FluxPipeline,
        FluxTransformer2DModel,
    )
    from transformers import T5Config, T5EncoderModel

    tokenizer = byte_bpe(300, ["</s>", "<pad>"], eos_token="</s>", pad_token="<pad>")
    tokenizer.model_max_length = 64
    t5 = T5Config(
        vocab_size=len(tokenizer),
        d_model=32,
        d_kv=8,
        d_ff=64,
        num_layers=2,
        num_heads=4,
        tie_word_embeddings=False,
    )
    vae = {
        **VAE,
        "use_quant_conv": False,
        "use_post_quant_conv": False,
        "scaling_factor": 0.3611,
        "shift_factor": 0.1159,
    }
    transformer = seeded(
        seed,
        lambda: FluxTransformer2DModel(
            patch_size=1,
            in_channels=16,
            num_layers=1,
            num_single_layers=2,
            attention_head_dim=16,
            num_attention_heads=2,
            joint_attention_dim=32,
            pooled_projection_dim=32,
            axes_dims_rope=(4, 4, 8),
        ),
    )
    pipe = FluxPipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(),
        vae=seeded(seed, lambda: AutoencoderKL(**vae)),
        text_encoder=clip_text(seed, 32),
        tokenizer=clip_tokenizer(),
        text_encoder_2=made(T5EncoderModel, t5, seed),
        tokenizer_2=tokenizer,
        transformer=transformer,
    )
    return saved(folder, pipe)


VAE: dict[str, Any] = {
    "in_channels": 3,
    "out_channels": 3,
    "down_block_types": ("DownEncoderBlock2D",) * 4,
    "up_block_types": ("UpDecoderBlock2D",) * 4,
    "block_out_channels": (8, 8, 16, 16),
    "layers_per_block": 1,
    "latent_channels": 4,
    "norm_num_groups": 4,
    "sample_size": 64,
}


def autoencoder(seed: int) -> Any:
    from diffusers import AutoencoderKL

    return seeded(seed, lambda: AutoencoderKL(**VAE))


def unet(seed: int, **changes: Any) -> Any:
    from diffusers import UNet2DConditionModel

    config = {
        "sample_size": 8,
        "in_channels": 4,
        "out_channels": 4,
        "block_out_channels": (32, 64),
        "layers_per_block": 1,
        "down_block_types": ("CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        "up_block_types": ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D"),
        "attention_head_dim": 4,
        "norm_num_groups": 8,
        **changes,
    }
    return seeded(seed, lambda: UNet2DConditionModel(**config))


def clip_text(seed: int, width: int, projection: int = 0) -> Any:
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

    tokenizer = clip_tokenizer()
    config = CLIPTextConfig(
        vocab_size=len(tokenizer),
        hidden_size=width,
        intermediate_size=2 * width,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=77,
        projection_dim=projection or width,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    return made(CLIPTextModelWithProjection if projection else CLIPTextModel, config, seed)


def safety_checker(seed: int) -> Any:
    from diffusers.pipelines.stable_diffusion import StableDiffusionSafetyChecker
    from transformers import CLIPConfig

    config = CLIPConfig(
        text_config={
            "vocab_size": 10,
            "hidden_size": 16,
            "intermediate_size": 32,
            "num_hidden_layers": 1,
            "num_attention_heads": 2,
        },
        vision_config={
            "hidden_size": 16,
            "intermediate_size": 32,
            "num_hidden_layers": 1,
            "num_attention_heads": 2,
            "image_size": 32,
            "patch_size": 8,
            "projection_dim": 16,
        },
        projection_dim=16,
    )
    return made(StableDiffusionSafetyChecker, config, seed)


def byte_bpe(size: int, special: list[str], **roles: str) -> Any:
    """A byte-level BPE tokenizer, trained on two sentences; every text is made of its tokens."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=special,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(CORPUS, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, **roles)


MERGES = [("t", "h"), ("th", "e</w>"), ("a", "n"), ("l", "i")]


def clip_vocabulary() -> dict[str, int]:
    from tokenizers.pre_tokenizers import ByteLevel

    letters = sorted(ByteLevel.alphabet())
    words = [*letters, *(f"{letter}</w>" for letter in letters), *(a + b for a, b in MERGES)]
    words += ["<|startoftext|>", "<|endoftext|>"]
    return {word: place for place, word in enumerate(words)}


def clip_tokenizer() -> Any:
    """CLIP's own tokenizer over single bytes and a few merges."""
    from transformers import CLIPTokenizer

    return CLIPTokenizer(vocab=clip_vocabulary(), merges=MERGES, model_max_length=77)


def write_clip_files(folder: Path) -> None:
    """Vocabulary and merges in files of their own, as repositories of those years have them."""
    (folder / "tokenizer.json").unlink()
    (folder / "vocab.json").write_text(json.dumps(clip_vocabulary()), "utf-8")
    lines = ["#version: 0.2", *(" ".join(pair) for pair in MERGES), ""]
    (folder / "merges.txt").write_text("\n".join(lines), "utf-8")


def seeded(seed: int, make: Callable[[], Any]) -> Any:
    """What `make` gives under this seed, without touching the random numbers of others."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return make().eval()


def made(kind: Any, config: Any, seed: int) -> Any:
    return seeded(seed, lambda: kind(config))


def spread(model: Any) -> Any:
    """A language model with larger weights, so that its next token depends on the last ones."""
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.mul_(6)
    return model


def saved(folder: Path, *things: Any) -> Path:
    for thing in things:
        thing.save_pretrained(folder, safe_serialization=True)
    (folder / "README.md").write_text(CARD, "utf-8")
    return folder


BUILDERS: dict[str, Builder] = {
    "qwen3": qwen3,
    "thinker": thinker,
    "gpt2": gpt2,
    "stable-diffusion": stable_diffusion,
    "sdxl": sdxl,
    "flux": flux,
}


@pytest.fixture(scope="session")
def stand_in(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of a stand-in by its name in `BUILDERS`, built once; not to be written to."""
    import tests.stand_in_pairs  # noqa: F401, its builders join these

    built: dict[str, Path] = {}

    def folder(name: str) -> Path:
        if name not in built:
            built[name] = BUILDERS[name](tmp_path_factory.mktemp(name))
        return built[name]

    return folder
