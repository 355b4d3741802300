"""What the text side of a runner refuses, and why. runners/engine/errors.py has the engine's own.

TextError
├── UnsupportedTokenizerError   the model's tokenizer cannot be decoded piece by piece
└── ChatTemplateError           these messages cannot become a prompt of this model
"""


class TextError(Exception):
    """Anything the text side raises on purpose."""


class UnsupportedTokenizerError(TextError):
    pass


class ChatTemplateError(TextError):
    pass
