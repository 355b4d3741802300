"""What `models/` refuses, and why.

ModelError
├── ModelNotFoundError       no folder, tag or repository answers to the name
├── UnsupportedModelError    the model is there, but nothing here can run it safely or rightly
├── CheckpointError          its files are damaged or do not fit its config; names file and tensor
├── QuantizationError        a quantisation that does not exist here, or does not suit the weights
├── RecipeError              a recipe with a key, value or module that does not exist
├── CacheFormatError         a model's keys and values cannot be kept at the precision asked for
├── ParallelError            model or machine cannot be divided among so many ranks
├── GateError                a quantised model is worse than its recipe allows; names the modules
└── CardError                a model does not do what its card says: files or answers have changed

A CardError is shown to callers, too, so it names files without their folder.
"""


class ModelError(Exception):
    """Anything `models/` raises on purpose."""


class ModelNotFoundError(ModelError):
    pass


class UnsupportedModelError(ModelError):
    pass


class CheckpointError(ModelError):
    pass


class QuantizationError(ModelError):
    pass


class RecipeError(ModelError):
    pass


class CacheFormatError(ModelError):
    pass


class ParallelError(ModelError):
    pass


class GateError(ModelError):
    pass


class CardError(ModelError):
    pass
