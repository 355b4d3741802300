"""How a family of models writes tool calls. Recognised by what its chat template says."""

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class ToolFormat:
    """Calls are `opening` name `middle` arguments `closing`, with `separator` in place of `opening`
    from the second on, and `end` after the last.
    """

    name: str
    opening: str
    middle: str
    closing: str
    separator: str | None
    """None: the family makes one call at a time."""
    end: str = ""
    markers: tuple[str, ...] = ()
    """Parts of the above that are one token in most vocabularies of the family. The first opens
    the calls, if it opens `opening`."""
    leads: bool = False
    """A message is a call if it begins with `opening`; text cannot come first, nor begin so."""
    optional_lead: str = ""
    """May come before `opening`."""
    call_id_length: int | None = None
    """Of alphanumeric characters, where the template insists."""

    def with_symbols(self, symbols: dict[str, str]) -> "ToolFormat":
        """The same with marks that are one token written as its symbol."""

        def written(text: str) -> str:
            for marker, symbol in symbols.items():
                text = text.replace(marker, symbol)
            return text

        return replace(
            self,
            opening=written(self.opening),
            middle=written(self.middle),
            closing=written(self.closing),
            separator=None if self.separator is None else written(self.separator),
            end=written(self.end),
            optional_lead=written(self.optional_lead),
            markers=tuple(map(written, self.markers)),
        )


HERMES = ToolFormat(
    name="hermes",
    opening='<tool_call>\n{"name": "',
    middle='", "arguments": ',
    closing="}\n</tool_call>",
    separator='\n<tool_call>\n{"name": "',
    markers=("<tool_call>", "</tool_call>"),
)
"""Nous Hermes, Qwen 2.5 and 3, pocket."""

LLAMA3 = ToolFormat(
    name="llama3",
    opening='{"name": "',
    middle='", "parameters": ',
    closing="}",
    separator=None,
    markers=("<|python_tag|>",),
    leads=True,
    optional_lead="<|python_tag|>",
)

MISTRAL = ToolFormat(
    name="mistral",
    opening='[TOOL_CALLS][{"name": "',
    middle='", "arguments": ',
    closing="}",
    separator=', {"name": "',
    end="]",
    markers=("[TOOL_CALLS]",),
    call_id_length=9,
)
"""Mistral 7B v0.3, Nemo."""

MISTRAL_SPACED = replace(MISTRAL, opening='[TOOL_CALLS] [{"name": "')

MISTRAL_ARGS = ToolFormat(
    name="mistral-args",
    opening="[TOOL_CALLS]",
    middle="[ARGS]",
    closing="",
    separator="[TOOL_CALLS]",
    markers=("[TOOL_CALLS]", "[ARGS]"),
    call_id_length=9,
)
"""Mistral Small 3.2, Magistral."""


def tool_format_of(template: str) -> ToolFormat | None:
    """None: the template takes no tools, or writes calls in a way that is not known here."""
    if "tools" not in template:
        return None
    if "[TOOL_CALLS]" in template:
        if "[CALL_ID]" in template:
            return None
        if "[ARGS]" in template:
            return MISTRAL_ARGS
        return MISTRAL_SPACED if "[TOOL_CALLS] [" in template else MISTRAL
    if "<tool_call>" in template:
        is_xml = "<function=" in template or "<arg_key>" in template
        return None if is_xml else HERMES
    if '"parameters": ' in template and ("ipython" in template or "<|python_tag|>" in template):
        return LLAMA3
    return None
