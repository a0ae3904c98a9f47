"""What all sections of the settings are made of."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer

Port = Annotated[int, Field(ge=0, le=65535)]
Seconds = Annotated[float, Field(gt=0, le=86_400)]
LongSeconds = Annotated[float, Field(gt=0, le=400 * 86_400)]
Count = Annotated[int, Field(gt=0, le=1_000_000)]
Folder = Annotated[Path, PlainSerializer(str)]


class Section(BaseModel):
    """What all sections share: nothing unknown, nothing changed later."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)
