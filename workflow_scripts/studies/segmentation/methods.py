"""The paper's kinds of methods (Yu et al., Table 1), by their names in the registry."""

DINO, MAE, IBOT, DINOV3 = "DINO", "MAE", "iBOT", "DINOv3"
MIM = (MAE, IBOT, "DINOv2", "DINOv2+reg", DINOV3)  # masked images are reconstructed, or their features predicted
CONTRASTIVE = ("MoCo-v3", "Mugs", DINO)
EXPLICIT = ("Supervised IN21k", "OpenCLIP")
METHODS = (*MIM, *CONTRASTIVE, *EXPLICIT)
