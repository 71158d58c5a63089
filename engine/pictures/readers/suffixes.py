"""Which files are read by which library, in small letters; known without importing any of them."""

PILLOW = (".png", ".jpg", ".jpeg", ".bmp", ".webp", ".gif")
TIFF = (".tif", ".tiff")
NIFTI = (".nii", ".nii.gz")
DICOM = (".dcm",)
ITK = (".mha", ".mhd", ".nrrd", ".nhdr", *DICOM)
