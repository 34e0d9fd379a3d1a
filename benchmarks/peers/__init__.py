"""Popular architectures at full size, random weights: Safelight beside diffusers, OpenVINO GenAI and sd.cpp."""
