"""Members that nobody trained: what their files say of them."""

ABOUT = {
    "seed": 7,
    "sparsity": 0.5,
    "bits": 32,
    "bytes": 100,
    "device": "cpu",
    "torch": "0",
    "layers": [{"layer": "a", "weights": 2, "kept": 1}],
}
