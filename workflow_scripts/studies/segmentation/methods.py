"""The paper's kinds of methods (Yu et al., Table 1), by their names in the registry."""

DINO, MUGS, MAE, IBOT, DINOV2, REGISTERS, DINOV3 = "DINO", "Mugs", "MAE", "iBOT", "DINOv2", "DINOv2+reg", "DINOv3"
MIM = (MAE, IBOT, DINOV2, REGISTERS, DINOV3)  # masked images are reconstructed, or their features predicted
CONTRASTIVE = ("MoCo-v3", MUGS, DINO)
EXPLICIT = ("Supervised IN21k", "OpenCLIP")
METHODS = (*MIM, *CONTRASTIVE, *EXPLICIT)
CLIP = ("OpenCLIP", "CLIP")  # the second: CLIP on other data, which the paper has not
SCALED = (DINOV3, IBOT, DINOV2, REGISTERS)  # whose sizes are compared (figure 6)
