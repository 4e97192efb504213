"""All readers of files: a new one is a file of its own and a line here."""

from poselift.readers.alphapose import ALPHAPOSE
from poselift.readers.arrays import ARRAY
from poselift.readers.coco import COCO, COCO_ANNOTATIONS
from poselift.readers.comfyui import COMFYUI
from poselift.readers.deeplabcut import DEEPLABCUT
from poselift.readers.freemocap import FREEMOCAP
from poselift.readers.joints_by_id import JOINTS_BY_ID
from poselift.readers.keypoint_table import TABLE
from poselift.readers.lift_requests import LIFT_REQUEST
from poselift.readers.mediapipe import MEDIAPIPE
from poselift.readers.mmpose import MMPOSE
from poselift.readers.openpose import OPENPOSE
from poselift.readers.reader import Reader
from poselift.readers.sleap import SLEAP
from poselift.readers.tfjs import TFJS
from poselift.readers.three_d import THREE_D
from poselift.readers.ultralytics import ULTRALYTICS, ULTRALYTICS_LABELS
from poselift.readers.videopose3d import VIDEOPOSE3D

READERS: tuple[Reader, ...] = (
    OPENPOSE,
    COMFYUI,
    ALPHAPOSE,
    COCO,
    COCO_ANNOTATIONS,
    MMPOSE,
    ULTRALYTICS,
    ULTRALYTICS_LABELS,
    MEDIAPIPE,
    TFJS,
    JOINTS_BY_ID,
    TABLE,
    ARRAY,
    VIDEOPOSE3D,
    DEEPLABCUT,
    SLEAP,
    FREEMOCAP,
    LIFT_REQUEST,
    THREE_D,
)
