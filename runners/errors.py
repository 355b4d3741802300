"""What the text side of a runner refuses, and why. runners/engine/errors.py has the engine's own.

TextError
├── UnsupportedTokenizerError   the model's tokenizer cannot be decoded piece by piece
├── ChatTemplateError           these messages cannot become a prompt of this model
├── GrammarRefusedError         a schema, regex or grammar that cannot be kept to
├── CompilerBusyError           too many grammars are being compiled; try again later
└── BatchLineError              a line of a batch that is none

OfflineError                    why a run from file to file cannot begin
"""


class TextError(Exception):
    """Anything the text side raises on purpose."""


class UnsupportedTokenizerError(TextError):
    pass


class ChatTemplateError(TextError):
    pass


class GrammarRefusedError(TextError):
    """`field` is where in the request the fault is."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


class CompilerBusyError(TextError):
    pass


class BatchLineError(TextError):
    """`field` is which of the line's fields is at fault, None for the line itself; `code` is for
    programs to read."""

    def __init__(self, message: str, field: str | None = None, code: str = "invalid_value") -> None:
        super().__init__(message)
        self.field = field
        self.code = code


class OfflineError(Exception):
    """Its message is all that the user of a command needs to see."""
