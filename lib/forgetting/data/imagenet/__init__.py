"""ImageNet as people have it on disk, and the sets that test the same thousand classes.

`sets` finds a set by name below the folder that FORGETTING_DATA names; `ilsvrc` and `shifted` read
folders, wherever they are; `loader` streams their pictures; `annotations` adds what people said of
them; `dataset` makes a study's data of them. No picture of ImageNet is part of this project.
"""
