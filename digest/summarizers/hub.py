"""Models of the Hugging Face Hub, or of a folder, that write by themselves: "hub:ORG/NAME".

Here, in `digest.encoders.hub` and in `digest.models.repository` are transformers imported, and
torch, which is no dependency of ours.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

from digest.errors import BadConfig, DigestError, Misuse, Permanent, Temporary
from digest.models.repository import OUT_OF_MEMORY, Repository
from digest.summarizers import Options, Summarizer, Text, prompts

#: Tokens of one question. Abstracts have 200 to 500; what is longer is somebody's joke.
MOST_TOKENS = 4096
MOST_CHARACTERS = 50_000
USUAL_TOKENS = 1024  #: where a model does not say how many it takes

_WRITERS = re.compile(r"(?:ForConditionalGeneration|ForCausalLM|LMHeadModel)$")


class Hub(Summarizer):
    """Loads a sequence-to-sequence or chat model; its weights when the first paper comes."""

    def __init__(self, name: str, options: Options) -> None:
        self._files = Repository(name.removeprefix("hub:"))
        self._files.check_torch()
        self._options = options
        self._config: Any = self._files.load("AutoConfig")
        self._is_seq2seq = bool(self._config.is_encoder_decoder)
        if not any(_WRITERS.search(name) for name in self._config.architectures or [""]):
            raise BadConfig(
                f"summarizer {name!r} is a model that does not write: {self._config.architectures}"
            )
        if self._is_seq2seq and options.language != "en" and not options.prompt:
            raise BadConfig(
                f"summarizer {name!r} is no chat model and cannot be told a language;"
                f" remove language = {options.language!r}, or give a prompt that makes it write so"
            )
        self._tokenizer: Any = self._files.load("AutoTokenizer")
        self._files.check_weights()
        self._prompt = options.prompt or self._own_prompt()
        self._cut = 0

    @cached_property
    def id(self) -> str:
        """Repository and commit, or the folder's name and a hash of what is in it."""
        return f"hub:{self._files.revision}"

    @property
    def prompt_hash(self) -> str:
        """Of the words around title and abstract."""
        return prompts.prompt_hash(self._prompt, self._options.max_new_tokens)

    @property
    def warnings(self) -> Sequence[str]:
        """How many abstracts it did not see the whole of."""
        if not self._cut:
            return ()
        were = "abstract was" if self._cut == 1 else "abstracts were"
        return (f"{self._cut} {were} longer than the model takes, and cut for it",)

    def summarize(self, texts: Sequence[Text]) -> list[str | DigestError]:
        """One summary each, or why there is none.

        Shapes: same length and order as `texts`.
        """
        said: list[str | DigestError] = [""] * len(texts)
        questions = {n: self._question(t) for n, t in enumerate(texts) if t.abstract.strip()}
        # Papers of like length share a batch, so that little is computed for padding.
        order = sorted((n for n, q in questions.items() if q), key=lambda n: -len(questions[n]))
        for n in questions.keys() - set(order):
            said[n] = Permanent("the prompt alone is longer than the model takes")
        model = self._model if order else None  # an error in loading it is not one of a batch
        for start in range(0, len(order), self._options.batch):
            places = order[start : start + self._options.batch]
            answers = self._answers(model, [questions[n] for n in places])
            for n, answer in zip(places, answers, strict=True):
                said[n] = answer
        return said

    # --- what goes in ----------------------------------------------------------------------------

    def _own_prompt(self) -> str:
        """A chat model is told what to do; the others were made for it, some wait for a prefix."""
        if not self._is_seq2seq:
            return prompts.newest()
        tasks = getattr(self._config, "task_specific_params", None) or {}
        task = tasks.get("summarization") or {}
        prefix = task.get("prefix") or getattr(self._config, "prefix", None) or ""
        if not prefix and "t5" in str(self._config.model_type):
            prefix = "summarize: "
        return f"{prefix}{{abstract}}"

    def _question(self, text: Text) -> str:
        """What the model reads of a paper; nothing where not a word of its abstract has room."""
        whole = Text(self._harmless(text.title)[:1000], self._harmless(text.abstract))
        words = whole.abstract[:MOST_CHARACTERS]
        while words:
            question = self._framed(Text(whole.title, words))
            excess = self._length(question) / self._room
            if excess <= 1:
                self._cut += words != whole.abstract
                return question
            # Shorter by what is too much, and a little more; between words.
            words = words[: int(len(words) / max(excess, 1.05) * 0.98)]
            words = words.rpartition(" ")[0] if " " in words else words[:-1]
        return ""

    def _framed(self, text: Text) -> str:
        prompt = prompts.filled(self._prompt, text, self._options.language)
        if not self._is_chat:
            return prompt
        said = [{"role": "user", "content": prompt}]
        return str(
            self._tokenizer.apply_chat_template(
                # Models that think before they answer are asked not to.
                said,
                tokenize=False,
                add_generation_prompt=True,
                enable_thinking=False,
            )
        )

    def _harmless(self, words: str) -> str:
        """A stranger's words without what is a mark to this model's tokenizer."""
        for mark in self._marks:
            words = words.replace(mark, " ")
        return words

    @cached_property
    def _marks(self) -> list[str]:
        added = self._tokenizer.added_tokens_decoder.values()
        marks = {*self._tokenizer.all_special_tokens, *(t.content for t in added if t.special)}
        return sorted(marks - {""}, key=len, reverse=True)

    @cached_property
    def _is_chat(self) -> bool:
        return not self._is_seq2seq and bool(self._tokenizer.chat_template)

    @cached_property
    def _room(self) -> int:
        """Tokens that a question may have."""
        config = self._config.get_text_config()
        said = [
            getattr(config, name, None)
            for name in (
                "max_position_embeddings",
                "max_encoder_position_embeddings",
                "n_positions",
            )
        ]
        # A tokenizer that knows no limit says 10^30.
        said.append(self._tokenizer.model_max_length)
        known = [int(n) for n in said if isinstance(n, int | float) and 0 < n < 10**7]
        limit = min([*known, MOST_TOKENS]) if known else USUAL_TOKENS
        # What a decoder reads and what it writes share its places.
        return limit if self._is_seq2seq else max(1, limit - self._options.max_new_tokens)

    @property
    def _longest_answer(self) -> int:
        config = self._config.get_text_config(decoder=True)
        names = ("max_position_embeddings", "max_decoder_position_embeddings")
        places = [int(n) - 1 for name in names if (n := getattr(config, name, None))]
        return min([self._options.max_new_tokens, *places])

    def _length(self, question: str) -> int:
        return len(self._tokenizer(question, **self._how)["input_ids"])

    @property
    def _how(self) -> dict[str, Any]:
        # A chat template writes the marks at beginning and end itself.
        return {"add_special_tokens": not self._is_chat, "verbose": False}

    # --- what comes out --------------------------------------------------------------------------

    def _answers(self, model: Any, questions: Sequence[str]) -> Iterator[str | DigestError]:
        """The answers to a batch; one that does not fit into memory is halved."""
        try:
            yield from self._generated(model, questions)
            return
        except (RuntimeError, MemoryError) as why:
            if not isinstance(why, MemoryError) and not OUT_OF_MEMORY.search(str(why)):
                raise
            self._free_memory()
        if len(questions) == 1:
            yield Temporary("it does not fit into memory, even alone")
            return
        middle = len(questions) // 2
        yield from self._answers(model, questions[:middle])
        yield from self._answers(model, questions[middle:])

    def _generated(self, model: Any, questions: Sequence[str]) -> list[str | DigestError]:
        import torch

        asked = self._tokenizer(list(questions), padding=True, return_tensors="pt", **self._how).to(
            model.device
        )
        asked.pop("token_type_ids", None)
        with torch.inference_mode():
            written = model.generate(**asked)
        if not self._is_seq2seq:
            written = written[:, asked["input_ids"].shape[1] :]
        return [self._answer(row, model.generation_config) for row in written.tolist()]

    def _answer(self, row: list[int], settings: Any) -> str | DigestError:
        ends = settings.eos_token_id
        ends = {ends} if isinstance(ends, int) else set(ends or ())
        # The first token of a sequence-to-sequence model may be the mark that ends others.
        is_cut = bool(ends) and not ends & set(row[1:] if self._is_seq2seq else row)
        if is_cut:
            longest = self._longest_answer
            is_ours = longest == self._options.max_new_tokens
            remedy = "raise max_new_tokens under [summarize]"
            if not is_ours:
                remedy = "the model can write no more"
            return Permanent(f"no end after {longest} tokens; {remedy}")
        words = prompts.cleaned(self._tokenizer.decode(row, skip_special_tokens=True))
        return words or Permanent("the model said nothing")

    @cached_property
    def _model(self) -> Any:
        """The model, on the best device there is, told how to write."""
        import torch
        from transformers import GenerationConfig

        kind = "AutoModelForSeq2SeqLM" if self._is_seq2seq else "AutoModelForCausalLM"
        device = (
            "cuda" if torch.cuda.is_available()
            else "mps" if torch.backends.mps.is_available()
            else "cpu"
        )  # fmt: skip
        # Half the bits where hardware is made for them; float16 overflows in some models (T5).
        has_bfloat16 = device == "cuda" and torch.cuda.is_bf16_supported()
        dtype = torch.bfloat16 if has_bfloat16 else "auto" if device == "mps" else torch.float32
        model = self._files.load(kind, dtype=dtype)
        try:
            model = model.to(device).eval()
        except RuntimeError as why:
            if not OUT_OF_MEMORY.search(str(why)):
                raise
            raise Misuse(f"{self.id} does not fit into the {device}'s memory") from why
        # Padding stands where nothing is read from: before the question of what continues it.
        self._tokenizer.padding_side = "right" if self._is_seq2seq else "left"
        if self._tokenizer.pad_token_id is None:
            self._tokenizer.pad_token = self._tokenizer.eos_token or self._marks[0]
        settings: Any = GenerationConfig.from_dict(model.generation_config.to_dict())
        # Always the likeliest word: the same abstract has the same summary. What the model's own
        # settings say of lengths was meant for other texts.
        settings.update(
            do_sample=False, num_beams=1, temperature=None, top_p=None, top_k=None,
            length_penalty=None, early_stopping=None, min_length=0, max_length=None,
            forced_eos_token_id=None,  # an end that was forced would hide that there was none
            max_new_tokens=self._longest_answer,
            pad_token_id=self._tokenizer.pad_token_id,
        )  # fmt: skip
        if settings.eos_token_id is None:
            settings.eos_token_id = self._tokenizer.eos_token_id
        model.generation_config = settings
        return model

    def _free_memory(self) -> None:
        import torch

        if torch.cuda.is_available():
            torch.cuda.empty_cache()
