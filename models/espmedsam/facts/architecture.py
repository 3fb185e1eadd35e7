"""The network's shape (TinyViT-5M's widths and depths, SAM's decoder): what PyTorch builds and the export writes."""

# Of the encoder's four stages.
DIMS = (64, 128, 160, 320)
DEPTHS = (2, 2, 6, 2)
HEADS = (2, 4, 5, 10)
WINDOWS = (7, 7, 14, 7)

HEAD_DIM = 32  # of every head in the encoder
EMBED = 256  # channels of the embedding
DECODER_HEADS = 8
QUERIES = 7  # mask queries of the official decoder: one for each modality, and one that is unused
PRESENCE_HIDDEN = 64  # of the presence head, which official checkpoints lack

# Pixels of the input's side for one cell.
EMBEDDING_STRIDE = 16
PATCH_STRIDE = 32
LOGIT_STRIDE = 4
