"""What people built: houses and monuments, each drawn by a pen; towns, streets and rooms made of them."""
