"""Writes the pictures that the metadata tests read, each as its program writes it. Run it again after a change here."""

from __future__ import annotations

import json
from pathlib import Path

from PIL import Image
from PIL.PngImagePlugin import PngInfo
from safelight.contract.messages import Job

from safelight.engine.output.encode import encode
from safelight.engine.output.metadata import Facts

HERE = Path(__file__).parent
PROMPT = "a lighthouse on a cliff, “dusk”, <lora:ink:0.6>"
NEGATIVE = "people, text"
A1111 = (
    f"{PROMPT}\nsecond line\nNegative prompt: {NEGATIVE}\n"
    "Steps: 24, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 6.5, Seed: 1234567890, Size: 832x1216, "
    'Model hash: abcdef0123, Model: dreamshaper_8, Lora hashes: "ink: 0123456789ab", Version: v1.10.1'
)
GRAPH = {
    "3": {
        "class_type": "KSampler",
        "inputs": {
            "seed": 1234567890,
            "steps": 24,
            "cfg": 6.5,
            "sampler_name": "euler",
            "scheduler": "normal",
            "denoise": 1,
            "model": ["10", 0],
            "positive": ["6", 0],
            "negative": ["7", 0],
            "latent_image": ["5", 0],
        },
    },
    "4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "dreamshaper_8.safetensors"}},
    "5": {"class_type": "EmptyLatentImage", "inputs": {"width": 832, "height": 1216, "batch_size": 1}},
    "6": {"class_type": "CLIPTextEncode", "inputs": {"text": ["11", 0], "clip": ["4", 1]}},
    "7": {"class_type": "CLIPTextEncode", "inputs": {"text": NEGATIVE, "clip": ["4", 1]}},
    "8": {"class_type": "VAEDecode", "inputs": {"samples": ["3", 0], "vae": ["4", 2]}},
    "10": {"class_type": "LoraLoader", "inputs": {"model": ["4", 0], "clip": ["4", 1], "lora_name": "ink"}},
    "11": {"class_type": "PrimitiveString", "inputs": {"value": PROMPT}},
}
FLUX = {
    "6": {"class_type": "CLIPTextEncode", "inputs": {"text": PROMPT, "clip": ["11", 0]}},
    "12": {"class_type": "UNETLoader", "inputs": {"unet_name": "flux1-dev.safetensors", "weight_dtype": "default"}},
    "13": {
        "class_type": "SamplerCustomAdvanced",
        "inputs": {
            "noise": ["25", 0],
            "guider": ["22", 0],
            "sampler": ["16", 0],
            "sigmas": ["17", 0],
            "latent_image": ["27", 0],
        },
    },
    "16": {"class_type": "KSamplerSelect", "inputs": {"sampler_name": "euler"}},
    "17": {
        "class_type": "BasicScheduler",
        "inputs": {"scheduler": "simple", "steps": 20, "denoise": 1, "model": ["12", 0]},
    },
    "22": {"class_type": "BasicGuider", "inputs": {"model": ["12", 0], "conditioning": ["26", 0]}},
    "25": {"class_type": "RandomNoise", "inputs": {"noise_seed": 42}},
    "26": {"class_type": "FluxGuidance", "inputs": {"guidance": 3.5, "conditioning": ["6", 0]}},
    "27": {"class_type": "EmptySD3LatentImage", "inputs": {"width": 1344, "height": 768, "batch_size": 1}},
}
INVOKE = {
    "app_version": "5.4.0",
    "generation_mode": "sdxl_txt2img",
    "positive_prompt": PROMPT,
    "negative_prompt": NEGATIVE,
    "width": 832,
    "height": 1216,
    "seed": 1234567890,
    "cfg_scale": 6.5,
    "steps": 24,
    "model": {"key": "k", "hash": "h", "name": "dreamshaper_8", "base": "sdxl", "type": "main"},
}
INVOKE_2 = {
    "model_weights": "dreamshaper_8",
    "image": {
        "prompt": [{"prompt": PROMPT, "weight": 1}],
        "steps": 24,
        "cfg_scale": 6.5,
        "width": 832,
        "height": 1216,
        "seed": 1234567890,
    },
}
FOOOCUS = {
    "base_model": "dreamshaper_8",
    "full_prompt": [PROMPT, "cinematic still"],
    "guidance_scale": 6.5,
    "metadata_scheme": "fooocus",
    "negative_prompt": NEGATIVE,
    "prompt": PROMPT,
    "resolution": "(832, 1216)",
    "seed": "1234567890",
    "steps": 24,
    "version": "Fooocus v2.5.5",
}
SWARM = {
    "sui_image_params": {
        "prompt": PROMPT,
        "negativeprompt": NEGATIVE,
        "model": "dreamshaper_8",
        "seed": 1234567890,
        "steps": 24,
        "cfgscale": 6.5,
        "width": 832,
        "height": 1216,
        "swarm_version": "0.9.4.0",
    },
    "sui_extra_data": {"date": "2026-01-01"},
}


def main() -> None:
    """Write all of them."""
    png("a1111.png", parameters=A1111)
    exif("a1111.jpg", {0x9286: b"UNICODE\0" + A1111.encode("utf-16-be")})
    exif("a1111.webp", {0x9286: b"UNICODE\0" + A1111.encode("utf-16-be")})
    png("comfyui.png", prompt=json.dumps(GRAPH), workflow="{}")
    png("comfyui-flux.png", prompt=json.dumps(FLUX))
    exif("comfyui.webp", {0x0110: f"prompt:{json.dumps(GRAPH)}", 0x010F: "workflow:{}"})
    png("invokeai.png", invokeai_metadata=json.dumps(INVOKE, ensure_ascii=False))
    png("invokeai-2.png", **{"sd-metadata": json.dumps(INVOKE_2)})
    png("fooocus.png", parameters=json.dumps(FOOOCUS), fooocus_scheme="fooocus")
    exif("fooocus.jpg", {0x9286: json.dumps(FOOOCUS).encode()})
    png("swarmui.png", parameters=json.dumps(SWARM, ensure_ascii=False))
    exif("swarmui.jpg", {0x9286: b"UNICODE\0" + json.dumps(SWARM).encode("utf-16-le")})
    plain().save(HERE / "plain.png")
    for name in ("png", "jpeg", "webp"):
        ours(name)


def plain() -> Image.Image:
    return Image.new("RGB", (8, 12), "#b5330f")


def png(name: str, **texts: str) -> None:
    info = PngInfo()
    for keyword, said in texts.items():
        if said.isascii():
            info.add_text(keyword, said, zip=len(said) > 2000)
        else:
            info.add_itxt(keyword, said, zip=True)
    plain().save(HERE / name, pnginfo=info)


def exif(name: str, fields: dict[int, bytes | str]) -> None:
    data = Image.Exif()
    for tag, said in fields.items():
        if tag == 0x9286:
            data.get_ifd(0x8769)[tag] = said
        else:
            data[tag] = said
    plain().save(HERE / name, exif=data)


def ours(name: str) -> None:
    """Our own file, by the code that writes them."""
    job = Job(
        id="job",
        model="postcard",
        source="postcard",
        prompt=PROMPT,
        negative_prompt=NEGATIVE,
        width=832,
        height=1216,
        seed=1234567890,
        output_format=name,
        metadata="full",
    )
    facts = Facts(steps=24, guidance_scale=6.5, drawn_by="postcard")
    (HERE / f"safelight.{'jpg' if name == 'jpeg' else name}").write_bytes(encode(plain(), job, facts))


if __name__ == "__main__":
    main()
