"""Integration jobs: creates and updates of their maps are moved outside the users' transactions.

states   which action a job allows in which state
desk     what people do with jobs
runner   what jobs do, round after round
"""
