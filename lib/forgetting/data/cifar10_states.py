"""The two states of CIFAR-10's files that are known: as its author published them, and restored."""

# The official batches, by the MD5 of each file.
OFFICIAL = {
    "data_batch_1": "c99cafc152244af753f735de768cd75f",
    "data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
    "data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
    "data_batch_4": "634d18415352ddfa80567beed471001a",
    "data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
    "test_batch": "40351d587109b95175f43aff81a1287e",
}

# A set restored from public copies, by the SHA-256 of each batch's pixels.
RESTORED = {
    "data_batch_1": "ab14ff7b2ce517d27f093af58e8e0992a627eb8620d74671a7a201f2bc74b04b",
    "data_batch_2": "4367f93a21976b7a2d3e7f1018ec6e053c6a4fffae6b9b925f7d9d6b37364bf6",
    "data_batch_3": "ffa34f83a1c845e950ac8ac6c88f9a17493e198a574978f3161eb43a6d467721",
    "data_batch_4": "1748450f55e24b680e135219e6470d963b645f5102a8d85aefbc9e158960664a",
    "data_batch_5": "11047e955182fb5003939d34eb2823e1a36246a3a2efa64179a7b256e0b10b15",
    "test_batch": "1fe46ff47f5fb6c1b24f0b5448654cac0e0d3e1e0c16f9cbac842307814b553a",
}

# Pictures of the restored set that are close to the published ones, not equal to them: places in a
# part.
APPROXIMATE = {
    part: tuple(map(int, places.split()))
    for part, places in {
        "test": """
        1259 1369 1422 2245 2737 2935 3695 3718 4085 4496 5791 5896 6286 7580 7707 7724 7832
        8117 8551 9254
        """,
        "train": """
        4298 5949 7066 7237 7248 7630 8006 8831 8968 9415 12762 12834 13546 21493 25728 26098
        26927 27621 28435 28728 29694 29747 31066 31367 31462 31625 31663 32777 33641 33661
        34067 34276 34387 34825 35160 35646 36733 37329 37474 37567 38384 38925 39358 39385
        39613 39840 39888 39971 41779 42004 42389 42611 43357 43883 44882 45168 45240 46175
        46435 46538 46624 47393 47597 48081 48124 48333 48821 48836 49321 49429 49631 49830
        49857
        """,
    }.items()
}
