"""Models of a few thousand weights that have learned one sentence by heart, saved as real ones are.

Shaped like T5, BART and Llama; what loads them is the code that loads the big ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

SAID = "We count sheep ."
CORPUS = (
    "We count sheep . We propose legs for robots that fall . summarize : Title Abstract Say it"
    " again in English Chinese Sheep are many and nobody counts them in the dark one two three"
    " user assistant <title> </title> <abstract> </abstract> , 1 2 3 4 5 6 7 8 9"
)
CHAT = (
    "{% for m in messages %}<|start|>{{ m['role'] }} {{ m['content'] }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|start|>assistant {% endif %}"
)
MARKS = ["<pad>", "</s>", "<s>", "<unk>", "<|start|>", "<|end|>"]


def tokenizer(limit: int | None = None, *, is_seq2seq: bool, chat: str = "") -> Any:
    """Words and single characters; the end of a text is marked for sequence-to-sequence models."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from tokenizers.trainers import WordLevelTrainer
    from transformers import PreTrainedTokenizerFast

    made = Tokenizer(models.WordLevel(unk_token="<unk>"))
    made.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    made.train_from_iterator([CORPUS], WordLevelTrainer(special_tokens=MARKS))
    if is_seq2seq:
        made.post_processor = processors.TemplateProcessing(
            single="$A </s>", special_tokens=[("</s>", 1)]
        )
    extra: dict[str, Any] = {"model_max_length": limit} if limit else {}
    fast = PreTrainedTokenizerFast(
        tokenizer_object=made,
        pad_token="<pad>",
        eos_token="</s>",
        bos_token="<s>",
        unk_token="<unk>",
        additional_special_tokens=MARKS[4:],
        **extra,
    )
    if chat:
        fast.chat_template = chat
    return fast


def t5(folder: Path, *, said: str = SAID, limit: int = 32) -> Path:
    """Encoder and decoder, relative positions, a prefix in its settings."""
    from transformers import T5Config, T5ForConditionalGeneration

    words = tokenizer(limit, is_seq2seq=True)
    settings = T5Config(
        vocab_size=len(words), d_model=16, d_kv=8, d_ff=32, num_layers=1, num_heads=2,
        n_positions=limit, decoder_start_token_id=0, pad_token_id=0, eos_token_id=1,
        task_specific_params={"summarization": {"prefix": "summarize : ", "num_beams": 4}},
    )  # fmt: skip
    return _seq2seq(folder, T5ForConditionalGeneration, settings, words, said)


def bart(folder: Path, *, said: str = SAID, ends: bool = True) -> Path:
    """Encoder and decoder, absolute positions, and settings that were made for longer texts."""
    from transformers import BartConfig, BartForConditionalGeneration

    words = tokenizer(is_seq2seq=True)  # says no limit, that is 10^30
    settings = BartConfig(
        vocab_size=len(words), d_model=16, encoder_layers=1, decoder_layers=1,
        encoder_attention_heads=2, decoder_attention_heads=2, encoder_ffn_dim=32,
        decoder_ffn_dim=32, max_position_embeddings=40, pad_token_id=0, bos_token_id=2,
        eos_token_id=1, decoder_start_token_id=1, forced_eos_token_id=1, dropout=0.0,
    )  # fmt: skip
    lengths = {"min_length": 20, "max_length": 30, "num_beams": 4, "length_penalty": 2.0}
    return _seq2seq(folder, BartForConditionalGeneration, settings, words, said, lengths, ends)


def llama(folder: Path, *, said: str = SAID, chat: str = CHAT, limit: int = 1024) -> Path:
    """A decoder alone, with a chat template."""
    from transformers import LlamaConfig, LlamaForCausalLM

    words = tokenizer(is_seq2seq=False, chat=chat)
    settings = LlamaConfig(
        vocab_size=len(words), hidden_size=16, intermediate_size=32, num_hidden_layers=1,
        num_attention_heads=2, max_position_embeddings=limit, pad_token_id=None, bos_token_id=2,
        eos_token_id=5,
    )  # fmt: skip
    _seed()
    model: Any = LlamaForCausalLM(settings)
    asked = words("<|start|>user We count <|end|><|start|>assistant" if chat else "Say it")
    answer = words(said)["input_ids"] + [5]
    asked = asked["input_ids"]
    labels = [-100] * len(asked) + answer
    _learn(model, input_ids=[asked + answer], labels=[labels])
    model.generation_config.do_sample = True  # as chat models come
    model.generation_config.temperature = 0.7
    return _saved(folder, model, words)


def _seq2seq(
    folder: Path,
    kind: Any,
    settings: Any,
    words: Any,
    said: str,
    generation: dict[str, Any] | None = None,
    ends: bool = True,
) -> Path:
    _seed()
    model = kind(settings)
    for name, value in (generation or {}).items():
        setattr(model.generation_config, name, value)
    asked = words("summarize : We propose legs .")["input_ids"]
    answer = words(said)["input_ids"]
    _learn(model, input_ids=[asked], labels=[answer if ends else answer[:-1]])
    return _saved(folder, model, words)


def _seed() -> None:
    import torch

    torch.set_num_threads(1)
    torch.manual_seed(7)


def _learn(model: Any, **batch: Sequence[Sequence[int]]) -> None:
    import torch

    tensors = {name: torch.tensor(rows) for name, rows in batch.items()}
    steps = torch.optim.Adam(model.parameters(), lr=0.02)
    model.eval()  # without dropout, so that it learns in no time
    for _ in range(100):
        steps.zero_grad()
        loss = model(**tensors).loss
        loss.backward()
        steps.step()
    assert loss.item() < 0.1


def _saved(folder: Path, model: Any, words: Any) -> Path:
    model.save_pretrained(folder)
    words.save_pretrained(folder)
    return folder


def bert(folder: Path) -> Path:
    """An encoder: it gives vectors and writes nothing."""
    import torch
    from transformers import BertConfig, BertModel

    words = tokenizer(is_seq2seq=False)
    torch.manual_seed(1)
    settings = BertConfig(
        vocab_size=len(words), hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=32, max_position_embeddings=64,
    )  # fmt: skip
    BertModel(settings).save_pretrained(folder)
    words.save_pretrained(folder)
    return folder
