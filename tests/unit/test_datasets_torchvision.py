"""The datasets of torchvision, on small files in the true formats and a server on this machine."""

import gzip
import hashlib
import io
import pickle
from dataclasses import replace

import numpy as np
import pytest
import scipy.io

from fixtures.images import CIFAR10, PUBLISHED, archive, idx, records
from mirror import Mirror
from wordsight.config.datasets import TorchvisionDataset
from wordsight.datasets import building, reading
from wordsight.datasets.sources import torchvision as source
from wordsight.downloads import cache, http
from wordsight.errors import ConfigError, DataError, DownloadError

CLOSED = "http://127.0.0.1:9/"
RNG = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def workplace(tmp_path, monkeypatch):
    """A working directory and a cache that are empty, and no waiting."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WORDSIGHT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(http, "BACKOFF_S", 0.001)


def images(n, size=28, channels=()):
    return RNG.integers(0, 256, (n, size, size, *channels), dtype=np.uint8)


def install(monkeypatch, root, name, contents, address=CLOSED):
    """Put files below the root, and make them the ones that the dataset expects."""
    files = []
    for file, data in zip(source.FILES[name], contents, strict=True):
        (root / file.path).parent.mkdir(parents=True, exist_ok=True)
        (root / file.path).write_bytes(data)
        files.append(replace(file, md5=hashlib.md5(data).hexdigest(), addresses=(address + file.path,)))
    monkeypatch.setitem(source.FILES, name, files)


def prepare(name, root, directory, **keys):
    section = TorchvisionDataset(source="torchvision", name=name, root=str(root), **keys)
    return building.prepare(section, name.lower(), 0, directory)


def stored(directory, split):
    opened = reading.open_split(directory, split)
    return np.stack([np.asarray(image) for _, image in opened.images()]), opened


def mnist_files():
    arrays = images(20), np.arange(20) % 10, images(10), np.arange(10)
    return arrays, [gzip.compress(idx(array)) for array in arrays]


@pytest.mark.parametrize("name", ["MNIST", "FashionMNIST"])
def test_mnist_is_read_as_torchvision_reads_it(monkeypatch, tmp_path, name):
    import torchvision

    arrays, files = mnist_files()
    install(monkeypatch, tmp_path, name, files)
    card = prepare(name, tmp_path, tmp_path / "out")
    for file, array in zip(source.FILES[name], arrays, strict=True):
        (tmp_path / file.path.removesuffix(".gz")).write_bytes(idx(array))
    for split, train in (("train", True), ("test", False)):
        peer = getattr(torchvision.datasets, name)(tmp_path, train=train)
        pixels, opened = stored(tmp_path / "out", split)
        np.testing.assert_array_equal(pixels[..., 0], peer.data.numpy())
        np.testing.assert_array_equal(opened.labels, peer.targets.numpy())
        assert opened.ids[3] == f"{name.lower()}-{split}-00003"
    assert len(card.classes) == 10
    assert name == "MNIST" or card.classes == peer.classes


def test_svhn_is_read_as_torchvision_reads_it(monkeypatch, tmp_path):
    import torchvision

    files = []
    for n in (20, 10):
        buffer = io.BytesIO()
        pixels = images(n, 32, (3,)).transpose(1, 2, 3, 0)
        scipy.io.savemat(
            buffer, {"X": pixels, "y": np.arange(1, n + 1).reshape(-1, 1) % 10 + 1}, do_compression=True
        )
        files.append(buffer.getvalue())
    install(monkeypatch, tmp_path, "SVHN", files)
    prepare("SVHN", tmp_path, tmp_path / "out")
    table = {
        split: [file.addresses[0], file.path, file.md5]
        for split, file in zip(("train", "test"), source.FILES["SVHN"], strict=True)
    }
    monkeypatch.setattr(torchvision.datasets.SVHN, "split_list", table)
    for split in ("train", "test"):
        peer = torchvision.datasets.SVHN(tmp_path, split)
        pixels, opened = stored(tmp_path / "out", split)
        np.testing.assert_array_equal(pixels.transpose(0, 3, 1, 2), peer.data)
        np.testing.assert_array_equal(opened.labels, peer.labels)
        assert set(opened.labels) == set(range(10))


def test_cifar10_is_read_from_its_binary_batches(monkeypatch, tmp_path):
    batches = {f"data_batch_{number}.bin": images(4, 32, (3,)) for number in range(1, 6)}
    test_pixels = images(10, 32, (3,))
    labels = {name: np.arange(4) + 2 * index for index, name in enumerate(batches)}
    members = {
        f"cifar-10-batches-bin/{name}": records(pixels, labels[name] % 10) for name, pixels in batches.items()
    }
    members["cifar-10-batches-bin/test_batch.bin"] = records(test_pixels, np.arange(10))
    members["cifar-10-batches-bin/batches.meta.txt"] = ("\n".join(CIFAR10) + "\n\n").encode()
    install(monkeypatch, tmp_path, "CIFAR10", [archive(members)])
    card = prepare("CIFAR10", tmp_path, tmp_path / "out")
    assert card.classes == CIFAR10
    pixels, train = stored(tmp_path / "out", "train")
    np.testing.assert_array_equal(pixels, np.concatenate(list(batches.values())))
    np.testing.assert_array_equal(train.labels, np.concatenate(list(labels.values())) % 10)
    np.testing.assert_array_equal(stored(tmp_path / "out", "test")[0], test_pixels)


def test_cifar100_takes_the_fine_label(monkeypatch, tmp_path):
    names = [f"class_{number}" for number in range(100)]
    pixels = images(100, 32, (3,))
    record = records(pixels, np.zeros(100), np.arange(100))
    members = {
        "cifar-100-binary/train.bin": record,
        "cifar-100-binary/test.bin": record,
        "cifar-100-binary/fine_label_names.txt": "\n".join(names).encode(),
    }
    install(monkeypatch, tmp_path, "CIFAR100", [archive(members)])
    card = prepare("CIFAR100", tmp_path, tmp_path / "out")
    found, train = stored(tmp_path / "out", "train")
    assert card.classes == names
    assert train.labels.tolist() == list(range(100))
    assert card.duplicates.exact == 100
    np.testing.assert_array_equal(found, pixels)


def test_no_file_is_unpickled(monkeypatch, tmp_path):
    def refuse(*arguments, **keys):
        raise AssertionError("unpickled")

    monkeypatch.setattr(pickle, "load", refuse)
    monkeypatch.setattr(pickle, "loads", refuse)
    monkeypatch.setattr(pickle, "Unpickler", refuse)
    test_cifar100_takes_the_fine_label(monkeypatch, tmp_path)


def test_addresses_and_sums_are_those_of_torchvision():
    import torchvision

    for name in ("MNIST", "FashionMNIST"):
        peer = getattr(torchvision.datasets, name)
        expected = [
            (f"{name}/raw/{file}", md5, tuple(m + file for m in peer.mirrors)) for file, md5 in peer.resources
        ]
        assert [(file.path, file.md5, file.addresses) for file in source.FILES[name]] == expected
    expected = [
        (url, name, md5) for url, name, md5 in list(torchvision.datasets.SVHN.split_list.values())[:2]
    ]
    assert [(file.addresses[0], file.path, file.md5) for file in source.FILES["SVHN"]] == expected
    assert torchvision.datasets.FashionMNIST.classes == source.FASHION


# Digests in the configuration


def write_published(root, name):
    """Write the small files of a dataset below the root, and return the SHA-256 of each by its name."""
    digests = {}
    for file in source.FILES[name]:
        path = root / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        PUBLISHED[file.addresses[0]](path)
        digests[path.name] = hashlib.sha256(path.read_bytes()).hexdigest()
    return digests


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "classes"), [("MNIST", 10), ("SVHN", 10), ("CIFAR10", 10), ("CIFAR100", 100)]
)
def test_a_configured_sha256_takes_the_place_of_the_published_sum(tmp_path, name, classes):
    digests = write_published(tmp_path, name)
    card = prepare(name, tmp_path, tmp_path / "out", sha256=digests)
    assert len(card.classes) == classes
    for split, per_class in (("train", 12), ("test", 4)):
        opened = reading.open_split(tmp_path / "out", split)
        assert np.bincount(opened.labels).tolist() == [per_class] * classes


def test_small_published_images_can_be_told_apart(tmp_path):
    prepare("CIFAR10", tmp_path, tmp_path / "out", sha256=write_published(tmp_path, "CIFAR10"))
    (train, seen), (test, asked) = (stored(tmp_path / "out", split) for split in ("train", "test"))
    means = np.stack([train[seen.labels == label].mean(axis=0) for label in range(10)])
    distances = ((test[:, None].astype(float) - means) ** 2).sum(axis=(2, 3, 4))
    np.testing.assert_array_equal(distances.argmin(axis=1), asked.labels)


def test_a_configured_name_of_no_file_is_refused(tmp_path):
    with pytest.raises(
        ConfigError, match=r"SVHN: sha256: unknown file 'train\.mat'; did you mean 'train_32x32"
    ):
        prepare("SVHN", tmp_path, tmp_path / "out", sha256={"train.mat": "a" * 64})


# Downloads


@pytest.fixture
def mirror(monkeypatch):
    with Mirror() as running:
        for name, value in running.environment.items():
            monkeypatch.setenv(name, value)
        yield running


def publish(monkeypatch, mirror, folder):
    """Serve a small MNIST; its folder has the same files."""
    install(monkeypatch, folder, "MNIST", mnist_files()[1], "https://digits.example.org/")
    for file in source.FILES["MNIST"]:
        mirror.publish(file.addresses[0], folder / file.path)


def test_a_download_is_verified_and_kept(monkeypatch, tmp_path, mirror):
    publish(monkeypatch, mirror, tmp_path / "served")
    prepare("MNIST", tmp_path / "root", tmp_path / "out")
    for file in source.FILES["MNIST"]:
        assert (tmp_path / "root" / file.path).read_bytes() == (tmp_path / "served" / file.path).read_bytes()
    assert not cache.cache().exists()


def test_without_a_root_files_lie_in_the_cache(monkeypatch, tmp_path, mirror):
    publish(monkeypatch, mirror, tmp_path / "served")
    section = TorchvisionDataset(source="torchvision", name="MNIST")
    for name in "ab":
        assert building.prepare(section, name, 0, tmp_path / name).splits.train.items == 20
    for file in source.FILES["MNIST"]:
        assert mirror.count(file.addresses[0]) == 1
        assert cache.cached(file.addresses[0]).is_file()


def test_a_digest_of_a_file_is_held_to(monkeypatch, tmp_path, mirror):
    publish(monkeypatch, mirror, tmp_path / "served")
    name = "t10k-labels-idx1-ubyte.gz"
    with pytest.raises(
        DownloadError, match=rf"^{name}: cannot download a file of MNIST with SHA-256 {'0' * 8} "
    ):
        prepare("MNIST", tmp_path / "root", tmp_path / "out", sha256={name: "0" * 8})


def test_without_a_network_one_line_says_what_to_do(monkeypatch, tmp_path):
    monkeypatch.setenv("WORDSIGHT_OFFLINE", "1")
    with pytest.raises(DownloadError) as caught:
        prepare("SVHN", tmp_path / "root", tmp_path / "out")
    assert str(caught.value) == (
        "train_32x32.mat: cannot download a file of SVHN with MD5 e26dedcc434d2e4c54c9b2d4a06d8373 while offline "
        f"(WORDSIGHT_OFFLINE or HF_HUB_OFFLINE is set), and {tmp_path}/root/train_32x32.mat does not exist; "
        "download http://ufldl.stanford.edu/housenumbers/train_32x32.mat elsewhere and put the file there"
    )
    assert not (tmp_path / "out").exists()


def test_a_damaged_local_file_is_refused(monkeypatch, tmp_path):
    install(monkeypatch, tmp_path, "MNIST", mnist_files()[1])
    path = tmp_path / source.FILES["MNIST"][1].path
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(DownloadError, match=r"train-labels-idx1-ubyte\.gz: expected .* move it away"):
        prepare("MNIST", tmp_path, tmp_path / "out")


@pytest.mark.parametrize(
    "data", [b"", b"\0\0\x08", b"\0\0\x0d\x01\0\0\0\x01....", idx(np.arange(9))[:-1], b"text"]
)
def test_an_idx_file_that_does_not_fit_its_header_is_refused(tmp_path, data):
    (tmp_path / "f.gz").write_bytes(gzip.compress(data))
    with pytest.raises(DataError, match=r"f\.gz: is not an IDX file"):
        source.read_idx(tmp_path / "f.gz")
